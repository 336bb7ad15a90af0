import type { Pattern } from '../../signature/policy.ts';
import { strangerAmong } from '../../signature/strangers.ts';

// What a person wrote of a signer, and how it nearly says who signed. Who signs chooses what is
// found: YAML with a part of it is made only where it can be no other than the one that was meant.

/** Why what was written does not fit, and what does. */
export interface NearMiss {
  /** one sentence */
  readonly sentence: string;
  /** lines below `with:` */
  readonly yaml?: readonly string[];
}

/** Whose text it is: the names of the inputs in sentences and YAML. */
export interface Names {
  readonly exact: 'certificate-identity' | 'certificate-oidc-issuer';
  readonly pattern: `${Names['exact']}-regexp`;
}

export const identityNames: Names = {
  exact: 'certificate-identity',
  pattern: 'certificate-identity-regexp',
};
export const issuerNames: Names = {
  exact: 'certificate-oidc-issuer',
  pattern: 'certificate-oidc-issuer-regexp',
};

/** @param written an issuer that must be equal, letter by letter */
export function nearIssuer(written: string, found: string): NearMiss | undefined {
  const several = severalInOne(written, found, issuerNames);
  if (several !== undefined) return several;
  const [, scheme, host, path] = /^(https?:\/\/)?([^/]+)(.*?)\/*$/is.exec(written) ?? [];
  if (host === undefined || !isPlain(host)) return undefined;
  // The path is kept letter by letter: `/Realm` and `/realm` may be two tenants of one server.
  const meant = `${scheme?.toLowerCase() ?? 'https://'}${host.toLowerCase()}${path}`;
  if (![meant, `${meant}/`].includes(found)) return undefined;
  const sentence =
    scheme === undefined
      ? 'An issuer is an address with `https://` in front.'
      : host !== host.toLowerCase()
        ? 'The two differ in upper and lower case alone, which counts.'
        : 'The two differ in the slash at the end alone, which counts.';
  return { sentence, yaml: [`certificate-oidc-issuer: ${found}`] };
}

/** Two of them with a comma between, of which one is what was found. */
export function severalInOne(written: string, found: string, names: Names): NearMiss | undefined {
  const parts = written.split(/[,;]|\s/).map((each) => each.trim());
  return parts.length > 1 && parts.includes(found)
    ? {
        sentence: 'Several are written in one line, and each wants a line of its own.',
        yaml: [`${names.exact}: |`, ...parts.filter(Boolean).map((each) => `  ${each}`)],
      }
    : undefined;
}

/** @param pattern one that must match the whole text, and does not */
export function nearPattern(pattern: Pattern, found: string, names: Names): NearMiss | undefined {
  const { source } = pattern;
  const [, bare] = /^(?:\/(.+)\/\w*|"(.+)"|'(.+)')$/.exec(source)?.filter(Boolean) ?? [];
  if (bare === undefined)
    return (
      aGlob(pattern, found, names) ?? cosignHabit(pattern, found, names) ?? part(pattern, found)
    );
  const inner = like(pattern, bare);
  const miss =
    inner === undefined || inner.matches(found) ? undefined : nearPattern(inner, found, names);
  return {
    ...(inner?.matches(found) ? { yaml: yamlFor(names, inner) ?? [] } : miss),
    sentence: `The ${source.startsWith('/') ? 'slashes' : 'quotes'} around it are read as a part of the pattern.${miss === undefined ? '' : ` ${miss.sentence}`}`,
  };
}

/** cosign looks for a pattern anywhere in the identity. */
function cosignHabit(pattern: Pattern, found: string, names: Names): NearMiss | undefined {
  const { source } = pattern;
  const whole = source.includes('|') ? `(?:${source})` : source;
  // Only behind a "/" or "@": `github.com/acme.*` would let in the owner `acme-evil`.
  const longer = [...(/[/@]$/.test(source) ? ['.*'] : []), '/.*', '@.*'];
  const end = longer.find((each) => like(pattern, `${whole}${each}`)?.matches(found));
  const meant = end === undefined ? undefined : like(pattern, `${whole}${end}`);
  if (meant === undefined) return undefined;
  const yaml = yamlFor(names, meant);
  const must = `A pattern must match the whole ${thing(names)}, from its first letter to its last`;
  return yaml === undefined
    ? {
        sentence: `${must}; with \`.*\` behind it, this one would take everybody's: name the owner.`,
      }
    : { sentence: `${must}: append \`${end}\`.`, yaml };
}

function aGlob(pattern: Pattern, found: string, names: Names): NearMiss | undefined {
  const text = pattern.source.replace(/(?<![.\])*+?}\\])\*+/g, '.*');
  const meant = text === pattern.source ? undefined : like(pattern, text);
  if (!meant?.matches(found)) return undefined;
  const yaml = yamlFor(names, meant);
  return {
    sentence: 'In a pattern `*` repeats what stands before it; any text is `.*`.',
    ...(yaml === undefined ? {} : { yaml }),
  };
}

function part(pattern: Pattern, found: string): NearMiss | undefined {
  const inside = pattern.source.replace(/^\^/, '').replace(/\$$/, '');
  if (like(pattern, `.*(?:${inside}).*`)?.matches(found))
    return {
      sentence:
        'The pattern fits a part of it, and must match the whole: write the address from its beginning, and append `.*` where anything may follow.',
    };
  return like(pattern, `(?i:${pattern.source})`)?.matches(found) && isPlain(found)
    ? { sentence: 'The pattern differs from it in upper and lower case alone, which counts.' }
    : undefined;
}

/** A pattern that was not written; none where it cannot be read. */
function like({ sibling }: Pattern, source: string): Pattern | undefined {
  try {
    return sibling?.(source);
  } catch {
    return undefined;
  }
}

/** A line for a pattern, unless it lets in strangers: then there is nothing to advise. */
export function yamlFor(names: Names, pattern: Pattern): readonly string[] | undefined {
  const anywhere = { source: '.*', matches: () => true };
  return strangerAmong([{ pattern }], [{ pattern: anywhere }]) === undefined
    ? [`${names.pattern}: ${pattern.source}`]
    : undefined;
}

/** Plain enough for YAML that a person may paste. */
export function isPlain(text: string): boolean {
  return /^[\w@%+=:,./-]{1,500}$/.test(text);
}

function thing({ exact }: Names): string {
  return exact === 'certificate-identity' ? 'identity' : 'issuer';
}

/** One challenge of a `WWW-Authenticate` header. Scheme and parameter names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What a registry sends is far below; a hostile one gets no more of our time. */
const longestHeader = 8 * 1024;
const word = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";

/**
 * Reads all challenges of a `WWW-Authenticate` header (RFC 9110, 11.6.1): several in one header,
 * quoted strings with escapes, any case. What cannot be read ends the list; an unreadable header
 * has no challenges. Never throws.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  if (header === undefined || header.length > longestHeader) return challenges;
  const parameter = new RegExp(
    `[\\s,]*(${word})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${word}(?=[\\s,]|$)))`,
    'y',
  );
  const scheme = new RegExp(
    `[\\s,]*(${word})(?=[\\s,]|$)(?:[ \\t]+[A-Za-z0-9._~+/-]+=*[ \\t]*(?=,|$))?`,
    'y',
  );
  let at = 0;
  while (at < header.length) {
    parameter.lastIndex = scheme.lastIndex = at;
    const named = parameter.exec(header);
    const current = challenges.at(-1);
    if (named !== null && current !== undefined) {
      const [, name = '', quoted, bare = ''] = named;
      const key = name.toLowerCase();
      // The first one counts, so that nothing behind it can change what it says.
      if (!Object.hasOwn(current.parameters, key))
        current.parameters[key] = quoted?.replace(/\\(.)/g, '$1') ?? bare;
      at = parameter.lastIndex;
      continue;
    }
    const next = scheme.exec(header);
    if (next?.[1] === undefined) break;
    challenges.push({ scheme: next[1].toLowerCase(), parameters: Object.create(null) });
    at = scheme.lastIndex;
  }
  return challenges;
}

import { parseReference, type RepositoryName } from '../image/reference.ts';
import { readPublicKeys } from '../keys/public.ts';
import { predicateTypes } from '../signature/attestation.ts';
import type { Pattern, SignaturePolicy, SignerRule } from '../signature/policy.ts';
import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { type AskedImage, type Chosen, openList } from './choose.ts';
import { type KnownImages, type KnownSigner, knownSignersMark, type SignerList } from './list.ts';

/**
 * What a list asks of an image: the signature of its publisher; `open` for an image that is known to
 * be unsigned, or older than the publisher's signatures.
 * @returns undefined for an image that the list does not know
 */
export function openKnownSigners(list: SignerList): (image: AskedImage) => Requirement | undefined {
  const find = openList(list);
  const policies = new Map<string, SignaturePolicy>();
  const numbers = new Map<KnownImages, number>();
  return (image) => {
    const chosen = find(image);
    if (chosen === undefined) return undefined;
    const { entry, mirror } = chosen;
    const reason = reasonOf(chosen);
    const name = `${knownSignersMark}${shown(entry.publisher)}`;
    if (reason !== undefined) return { kind: 'open', reason, name };
    const number = numbers.get(entry) ?? numbers.size;
    numbers.set(entry, number);
    const key = `${number} ${mirror?.at ?? ''}`;
    const policy = policies.get(key) ?? policyOf(chosen);
    policies.set(key, policy);
    return askedOf(entry, policy, name);
  };
}

/** Why nothing is asked of the image, one sentence. */
function reasonOf({ entry, before }: Chosen): string | undefined {
  if (entry.reason !== undefined) return `${entry.reason}.`;
  if (before !== undefined)
    return `${entry.publisher} is known to sign from ${entry.since} on, and ${shown(before)} is older.`;
  return undefined;
}

/**
 * A signature; or all attestations of these types in its place. Of an image whose attestation manifests
 * are signed that is provenance, of either version: BuildKit puts it there, and what is signed so
 * vouches for the whole index (engine/attestations-inside.ts).
 */
function askedOf(
  { attestationTypes, onAttestationManifest }: KnownImages,
  policy: SignaturePolicy,
  name: string,
): Requirement {
  const of = (type: string): Requirement => ({ kind: 'attestation', policy, type, name });
  if (attestationTypes !== undefined)
    return { kind: 'count', of: attestationTypes.map(of), count: attestationTypes.length };
  if (onAttestationManifest === true) return { kind: 'count', of: provenance.map(of), count: 1 };
  return { kind: 'signature', policy, name };
}

const provenance = [predicateTypes.slsaprovenance1, predicateTypes.slsaprovenance];

function policyOf({ entry, mirror }: Chosen): SignaturePolicy {
  const [first, ...rest] = (entry.signers ?? []).flatMap(rulesOf);
  if (first === undefined) throw new Error(`nobody signs the images of ${entry.publisher}`);
  return {
    signers: [first, ...rest],
    annotations: {},
    tlog: entry.tlog ?? 'required',
    ...(entry.repository === undefined
      ? {}
      : { repository: repositoryOf(entry.repository, mirror) }),
  };
}

function rulesOf(signer: KnownSigner): readonly SignerRule[] {
  if ('key' in signer) return readPublicKeys(signer.key).map((key) => ({ key }));
  const { identity, isPattern, issuer, github, source } = signer;
  return [
    {
      identities: [
        isPattern === true ? { pattern: identityPattern(identity) } : { exact: identity },
      ],
      issuers: [{ exact: issuer }],
      ...(github === undefined ? {} : { github }),
      ...(source === undefined ? {} : { source }),
    },
  ];
}

/** Where a mirror has copied the repository of the signatures too, they are read from there. */
function repositoryOf(repository: string, mirror: Chosen['mirror']): RepositoryName {
  const isCopied = mirror !== undefined && repository.startsWith(`${mirror.of}/`);
  const place = isCopied ? `${mirror.at}${repository.slice(mirror.of.length)}` : repository;
  const { registry, repository: path } = parseReference(place);
  return { registry, repository: path };
}

/** No identity that Fulcio's issuers give is longer; who signs chooses its branches and tags. */
const longestText = 4_096;

/**
 * Reads an identity with wildcards: `*` is one or more letters, digits, dots, dashes, plus signs and
 * underscores. It never stands for a slash or an `@`, so it stays inside one name: a tag, a branch, a
 * repository. Everything else stands for itself, and the whole identity must fit; so nothing has to
 * be escaped or anchored. Fitting takes time in proportion to pattern times text.
 */
export function identityPattern(source: string): Pattern {
  const steps = [...source];
  return {
    source,
    matches(text) {
      if (text.length > longestText) return false;
      let at = new Set([0]);
      for (const character of text) {
        const next = new Set<number>();
        for (const position of at) {
          if (steps[position] !== '*') {
            if (steps[position] === character) next.add(position + 1);
          } else if (/[A-Za-z0-9._+-]/.test(character)) next.add(position).add(position + 1);
        }
        at = next;
      }
      return at.has(steps.length);
    },
    sibling: identityPattern,
  };
}

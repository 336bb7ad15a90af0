import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial, VerificationError } from '@sigstore/verify';
import { Failure } from '../failure.ts';
import { refuseCostlyKey, stamperProblem } from './chain.ts';
import { trustedChain } from './der-certificate.ts';
import { isTooCostly } from './key.ts';
import { isObject, parseJson, shownError } from './refusal.ts';

const limits = { maxBytes: 4 << 20, maxDepth: 16 };
const mediaTypes: readonly unknown[] = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot+json;version=0.2',
  'application/vnd.dev.sigstore.trustedroot.v0.1+json',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];

/** What signatures are judged by: built once a run, shared by all judgements. */
export interface Trust {
  /** undefined: no trusted root was given, so nothing but a key without a log can be verified */
  readonly material: TrustMaterial | undefined;
}

/**
 * Reads a Sigstore TrustedRoot (sigstore/protobuf-specs, sigstore_trustroot.proto) from its JSON.
 * @throws {Failure} `bad-trusted-root`.
 */
export function parseTrustedRoot(bytes: Uint8Array): TrustedRoot {
  try {
    const json = parseJson(bytes, 'trusted root', limits);
    if (!isObject(json) || !mediaTypes.includes(json.mediaType))
      throw new Error('it has no media type of a Sigstore TrustedRoot');
    const root = TrustedRoot.fromJSON(json);
    createTrust(root);
    return root;
  } catch (error) {
    throw error instanceof Failure ? error : unusable(error);
  }
}

/**
 * Prepares a trusted root for judging: every key and certificate in it is parsed here, once.
 * Without one, only signatures by key can be judged, with the log ignored.
 * @throws {Failure} `bad-trusted-root` when a key or certificate in it cannot be read: a root that
 * is half understood is not used.
 */
export function createTrust(root: TrustedRoot | undefined): Trust {
  if (root === undefined) return { material: undefined };
  const trust = made.get(root) ?? prepare(root);
  made.set(root, trust);
  return trust;
}

/**
 * Reading a trusted root prepares it too, to see whether it can be used. Nobody changes a root that
 * was read.
 */
const made = new WeakMap<TrustedRoot, Trust>();

function prepare(root: TrustedRoot): Trust {
  try {
    for (const authority of [...root.certificateAuthorities, ...root.timestampAuthorities]) {
      if ((authority.certChain?.certificates.length ?? 0) === 0)
        throw new Error('an authority in it has no certificates');
      checkWindow(authority.validFor);
    }
    for (const log of [...root.tlogs, ...root.ctlogs]) {
      const id = log.checkpointKeyId ?? log.logId;
      // The first four bytes name the key in a checkpoint: without an id a log could stand for any
      // other.
      if ((id?.keyId.length ?? 0) < 4) throw new Error('a log in it has no id');
      checkWindow(log.publicKey?.validFor ?? {});
    }
    const material = toTrustMaterial(root, noKey);
    for (const { publicKey } of [...material.tlogs, ...material.ctlogs])
      if (isTooCostly(publicKey)) throw new Error('a log in it has a key that costs too much');
    const prepared = (authority: (typeof material.certificateAuthorities)[number]) => {
      authority.certChain.forEach(refuseCostlyKey);
      return { ...authority, certChain: trustedChain(authority.certChain) };
    };
    const timestampAuthorities = material.timestampAuthorities.map(prepared);
    return {
      material: {
        ...material,
        certificateAuthorities: material.certificateAuthorities.map(prepared),
        // One that may not stamp is none; what it has stamped is by nobody that is trusted.
        timestampAuthorities: timestampAuthorities.filter(
          ({ certChain }) => stamperProblem(certChain) === undefined,
        ),
      },
    };
  } catch (error) {
    throw unusable(error);
  }
}

// A period without a start is malformed, not unbounded. An invalid date compares false with
// everything: such a window would look closed in one check and open in another.
function checkWindow(
  window: { start?: Date | undefined; end?: Date | undefined } | undefined,
): void {
  if (window === undefined) return;
  if (window.start === undefined) throw new Error('a validity period in it has no start');
  for (const date of [window.start, window.end]) {
    if (date !== undefined && Number.isNaN(date.getTime()))
      throw new Error('a validity period in it is not a date');
  }
}

function noKey(): never {
  throw new VerificationError({ code: 'PUBLIC_KEY_ERROR', message: 'no key is trusted by name' });
}

function unusable(cause: unknown): Failure {
  return new Failure(
    'bad-trusted-root',
    `The trusted root cannot be used: ${shownError(cause)}.`,
    'Pass a Sigstore TrustedRoot as `trusted-root: path/to/trusted_root.json`, or leave it out to use the public instance.',
    { cause },
  );
}

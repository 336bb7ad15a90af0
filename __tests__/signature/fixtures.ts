import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../src/image/digest.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import type { GithubClaims, SignaturePolicy } from '../../src/signature/policy.ts';
import { createTrust, parseTrustedRoot, type Trust } from '../../src/signature/trust.ts';

const root = join(import.meta.dirname, '..', 'fixtures');

/** One question that case.json asks about its content. */
export interface Question {
  readonly policy: SignaturePolicy;
  readonly expected: 'pass' | 'fail' | 'unspecified';
  readonly why: string;
  readonly recursive: boolean;
}

/** A recorded case: the image, the signatures that lie beside it, and what is asked about them. */
export interface RecordedCase {
  readonly name: string;
  readonly digest: Digest;
  readonly platforms: readonly Digest[];
  readonly questions: readonly Question[];
  /** the signatures of one manifest of the case */
  signaturesOf(digest: Digest): readonly FoundSignature[];
}

interface Ask {
  verify: {
    key?: string;
    identity?: string;
    issuer?: string;
    tlog?: 'ignore' | 'required';
    recursive?: boolean;
    github?: GithubClaims;
  };
  annotations?: Record<string, string>;
  expected: Question['expected'];
  why: string;
}

interface Manifest {
  artifactType?: string;
  subject?: { digest: string };
  layers?: { mediaType: string; digest: string; annotations?: Record<string, string> }[];
}

/** Names of all recorded cases. */
export const caseNames: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter(
    (entry) => entry.isDirectory() && readdirSync(join(root, entry.name)).includes('case.json'),
  )
  .map((entry) => entry.name)
  .sort();

/** A key in fixtures/keys, e.g. `release.pub`. */
export function recordedKey(file: string): KeyObject {
  return createPublicKey(readFileSync(join(root, 'keys', file)));
}

/** The bytes of fixtures/trusted_root.json. */
export function trustedRootBytes(): Buffer {
  return readFileSync(join(root, 'trusted_root.json'));
}

/** What the recorded signatures are to be judged by. */
export function recordedTrust(): Trust {
  return createTrust(parseTrustedRoot(trustedRootBytes()));
}

/** Reads a recorded case. */
export function recordedCase(name: string): RecordedCase {
  const folder = join(root, name);
  const info = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const index: Record<string, { mediaType: string; digest: string }> = JSON.parse(
    readFileSync(join(folder, 'manifests', 'index.json'), 'utf8'),
  );
  const manifest = (digest: string): Manifest =>
    JSON.parse(readFileSync(join(folder, 'manifests', `${digest.replace(':', '-')}.json`), 'utf8'));
  const blob = (digest: string) => readFileSync(join(folder, 'blobs', digest.replace(':', '-')));
  const digests = Object.keys(index).filter((reference) => reference.startsWith('sha256:'));
  return {
    name,
    digest: parseDigest(info.digest),
    platforms: (info.platforms ?? []).map((platform: { digest: string }) =>
      parseDigest(platform.digest),
    ),
    questions: [info, ...(info.also ?? [])].map((ask: Ask) => question(ask, info.verify)),
    signaturesOf: (digest) => [
      ...bundlesOf(digest, digests, manifest, blob),
      ...layersOf(digest, index, manifest, blob),
    ],
  };
}

function question(ask: Ask, first: Ask['verify']): Question {
  const { key, identity = '', issuer = '', github, recursive = false } = ask.verify;
  return {
    policy: {
      signers: [
        key !== undefined
          ? { key: recordedKey(key) }
          : {
              identities: [{ exact: identity }],
              issuers: [{ exact: issuer }],
              ...(github && { github }),
            },
      ],
      annotations: ask.annotations ?? {},
      tlog: ask.verify.tlog ?? first.tlog ?? 'required',
    },
    expected: ask.expected,
    why: ask.why,
    recursive,
  };
}

function bundlesOf(
  image: Digest,
  digests: readonly string[],
  manifest: (digest: string) => Manifest,
  blob: (digest: string) => Buffer,
): FoundSignature[] {
  return digests.flatMap((digest): FoundSignature[] => {
    const { subject, layers = [] } = manifest(digest);
    const layer = layers[0];
    if (
      subject?.digest !== image ||
      !layer?.mediaType.startsWith('application/vnd.dev.sigstore.bundle')
    )
      return [];
    return [
      {
        format: 'bundle',
        digest: parseDigest(digest),
        reference: `example.test/app@${digest}`,
        bundle: blob(layer.digest),
      },
    ];
  });
}

function layersOf(
  image: Digest,
  index: Record<string, { digest: string }>,
  manifest: (digest: string) => Manifest,
  blob: (digest: string) => Buffer,
): FoundSignature[] {
  const tag = `${image.replace(':', '-')}.sig`;
  const entry = index[tag];
  if (entry === undefined) return [];
  return (manifest(entry.digest).layers ?? []).map((layer) => ({
    format: 'legacy',
    digest: parseDigest(entry.digest),
    reference: `example.test/app:${tag}`,
    payload: blob(layer.digest),
    annotations: layer.annotations ?? {},
  }));
}

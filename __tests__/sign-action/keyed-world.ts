import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Digest } from '../../src/image/digest.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import { judge } from '../../src/signature/judge.ts';
import { createTrust } from '../../src/signature/trust.ts';
import type { RegistryStore } from '../sandbox/registry-store.ts';

/**
 * A P-256 key as a workflow would hold it, unencrypted: decrypting takes 0.2 s, and has tests of
 * its own.
 */
export interface TestKey {
  readonly pem: string;
  readonly publicKey: KeyObject;
}

export function makeKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: createPublicKey(privateKey),
  };
}

/** The inputs of a keyed step that contacts nothing but the registry. */
export function keyedInputs(
  images: string | readonly string[],
  key: TestKey,
  more: Readonly<Record<string, string>> = {},
) {
  return {
    images: typeof images === 'string' ? images : images.join('\n'),
    key: key.pem,
    tlog: 'false',
    ...more,
  };
}

/** One signature as it lies in a registry's store: where a verifier finds it, and what it says. */
export interface StoredSignature {
  readonly format: 'bundle' | 'legacy';
  readonly verdict: string;
  readonly keyId?: string;
  readonly annotations: Readonly<Record<string, string>>;
  /**
   * a verifier would find it: by the referrers API (where `api`), else in the list under the
   * referrers tag; or as a layer of the `.sig` tag
   */
  readonly listed: boolean;
}

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const trust = createTrust(undefined);

/**
 * Reads every signature about an image straight from the registry's store, without our client, and
 * judges it against these keys. Also those that nobody lists, like the bundle of a run that was
 * killed before it wrote the tag.
 */
export function storedSignatures(
  store: RegistryStore,
  repository: string,
  image: string,
  keys: readonly TestKey[],
  api: boolean,
): StoredSignature[] {
  const tag = image.replace(':', '-');
  const index = store.json(repository, tag) as { manifests?: { digest: string }[] } | undefined;
  const listed = new Set(index?.manifests?.map(({ digest }) => digest));
  const bundles = store.referrers(repository, image).flatMap(({ digest, json }) => {
    const [layer] = json.layers as { mediaType: string; digest: string }[];
    if (layer?.mediaType !== bundleType) return [];
    const bytes = store.find(repository)?.blobs.get(layer.digest) ?? Buffer.alloc(0);
    const found = {
      format: 'bundle' as const,
      digest: digest as Digest,
      reference: digest,
      bundle: bytes,
    };
    return [
      {
        format: 'bundle' as const,
        listed: api || listed.has(digest),
        ...judged(found, image, keys),
      },
    ];
  });
  const sig = store.json(repository, `${tag}.sig`) as
    | { layers?: { digest: string; annotations: Record<string, string> }[] }
    | undefined;
  const layers = (sig?.layers ?? []).map(({ digest, annotations }) => {
    const payload = store.find(repository)?.blobs.get(digest) ?? Buffer.alloc(0);
    const found = {
      format: 'legacy' as const,
      digest: digestOf(payload),
      reference: `${tag}.sig`,
      payload,
      annotations,
    };
    return { format: 'legacy' as const, listed: true, ...judged(found, image, keys) };
  });
  return [...bundles, ...layers];
}

function judged(found: FoundSignature, image: string, keys: readonly TestKey[]) {
  const signers = keys.map(({ publicKey }) => ({ key: publicKey }));
  const [first, ...rest] = signers;
  if (first === undefined) throw new Error('at least one key');
  const { verified, code, keyId, annotations } = judge(
    found,
    image as Digest,
    { signers: [first, ...rest], annotations: {}, tlog: 'ignore' },
    trust,
  );
  return {
    verdict: verified ? 'verified' : code,
    ...(keyId === undefined ? {} : { keyId }),
    annotations,
  };
}

/**
 * Everything a repository holds, to compare before and after: blobs, manifests, and what each tag
 * names.
 */
export function contentOf(store: RegistryStore, repository: string) {
  const { blobs, manifests, tags } = store.open(repository);
  return {
    blobs: [...blobs.keys()].sort(),
    manifests: [...manifests.keys()].sort(),
    tags: Object.fromEntries([...tags].map(([tag]) => [tag, store.tagged(repository, tag)])),
  };
}

import type { RegistryStore } from '../sandbox/registry-store.ts';

/** An attestation as it lies in a registry's store, read without our client. */
export interface StoredAttestation {
  readonly format: 'bundle' | 'legacy';
  /** the signed JSON */
  readonly statement: string;
  /** of the layer, or of the bundle's manifest */
  readonly annotations: Readonly<Record<string, string>>;
}

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const signature = 'https://sigstore.dev/cosign/sign/v1';

/** Everything that is attested of an image, bundles first. */
export function attestationsIn(
  store: RegistryStore,
  repository: string,
  image: string,
): StoredAttestation[] {
  const blob = (digest: string) =>
    JSON.parse(String(store.find(repository)?.blobs.get(digest) ?? '{}'));
  const bundles = store.referrers(repository, image).flatMap(({ json }) => {
    const [layer] = json.layers as { mediaType: string; digest: string }[];
    const annotations = json.annotations as Record<string, string>;
    if (layer?.mediaType !== bundleType) return [];
    if (annotations['dev.sigstore.bundle.predicateType'] === signature) return [];
    return [stored('bundle', blob(layer.digest).dsseEnvelope, annotations)];
  });
  const manifest = store.json(repository, `${image.replace(':', '-')}.att`) as
    | { layers: { digest: string; annotations: Record<string, string> }[] }
    | undefined;
  const layers = (manifest?.layers ?? []).map(({ digest, annotations }) =>
    stored('legacy', blob(digest), annotations),
  );
  return [...bundles, ...layers];
}

function stored(
  format: StoredAttestation['format'],
  envelope: { readonly payload: string },
  annotations: Readonly<Record<string, string>>,
): StoredAttestation {
  const statement = Buffer.from(envelope.payload, 'base64').toString('utf8');
  return { format, statement, annotations };
}

/** The text of the predicate, which stands last in the statement. */
export function predicateOf(statement: string): string | undefined {
  return /,"predicate":(.*)\}$/s.exec(statement)?.[1];
}

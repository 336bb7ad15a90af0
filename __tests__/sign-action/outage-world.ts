import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type SigningConfigName, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { type SignedOptions, signed } from './signed.ts';

/**
 * A Sigstore and a registry of its own for each test: they wait most of the time, so they run side
 * by side.
 */
export async function openWorld() {
  const [sigstore, registry] = await Promise.all([
    startSigstore(),
    startRegistry({ referrersApi: true, ociSubject: true }),
  ]);
  const { reference: image } = await pushImage(registry.host, 'acme/app');
  const sign = (
    config: SigningConfigName,
    inputs: Readonly<Record<string, string>> = {},
    options: Omit<SignedOptions, 'env'> = {},
  ) => {
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    };
    const services = {
      'signing-config': JSON.stringify(sigstore.signingConfig[config]),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
    };
    return signed({ images: image, ...services, ...inputs }, { ...options, env });
  };
  const close = async () => void (await Promise.all([sigstore.close(), registry.close()]));
  return { sigstore, registry, image, sign, close, [Symbol.asyncDispose]: close };
}

/** Which service, a signing config that uses it, and how a failure of it is told. */
export const services = [
  ['oidc', 'v1', 'no-identity-token', "GitHub's OIDC provider"],
  ['fulcio', 'v1', 'fulcio-error', 'Fulcio'],
  ['rekor', 'v1', 'rekor-error', 'Rekor'],
  ['rekor2', 'v2', 'rekor-error', 'Rekor'],
  ['timestamp', 'tsa', 'timestamp-error', 'The timestamp authority'],
] as const;

import type { KeyObject } from 'node:crypto';
import type { ImageSigner } from '../signature/signer.ts';
import { bad } from './key-text.ts';
import type { KeyProvider, KeyTools } from './provider.ts';

interface ProviderEntry {
  readonly scheme: string;
  readonly load: () => Promise<KeyProvider>;
}

/**
 * Where keys may stay, by the scheme of their references, which are cosign's. One line each; the
 * code behind a line is loaded when it is used.
 */
export const providers: readonly ProviderEntry[] = [
  { scheme: 'awskms://', load: async () => (await import('./aws.ts')).awsKms },
  { scheme: 'gcpkms://', load: async () => (await import('./google.ts')).googleKms },
  { scheme: 'azurekms://', load: async () => (await import('./azure.ts')).azureKeyVault },
  { scheme: 'hashivault://', load: async () => (await import('./vault.ts')).vaultTransit },
  { scheme: 'openbao://', load: async () => (await import('./vault.ts')).vaultTransit },
  { scheme: 'k8s://', load: async () => (await import('./kubernetes.ts')).kubernetesSecret },
  { scheme: 'pkcs11:', load: async () => (await import('./pkcs11.ts')).pkcs11Token },
];

/**
 * True for a reference to a key in a service (`awskms://…`), which is not a secret itself and not a
 * path.
 */
export function isKeyReference(text: string): boolean {
  return entryOf(text) !== undefined;
}

/** Opens a key in a service for signing. @throws {Failure} as KeyProvider says */
export async function loadReferencedSigner(
  reference: string,
  tools: KeyTools,
  input = 'key',
): Promise<ImageSigner> {
  return (await providerOf(reference, input)).loadSigner(reference.trim(), tools, input);
}

/**
 * Fetches the public keys of a key in a service, the newest first. @throws {Failure} as KeyProvider
 * says
 */
export async function loadPublicKeys(
  reference: string,
  tools: KeyTools,
  input = 'key',
): Promise<readonly KeyObject[]> {
  return (await providerOf(reference, input)).loadPublicKeys(reference.trim(), tools, input);
}

async function providerOf(reference: string, input: string): Promise<KeyProvider> {
  const entry = entryOf(reference);
  if (entry === undefined)
    throw bad(
      `\`${input}\` names no service that is known`,
      'Use a reference such as `awskms:///alias/release`.',
    );
  return entry.load();
}

function entryOf(text: string): ProviderEntry | undefined {
  const start = text.trim().slice(0, 20).toLowerCase();
  return /[\r\n]/.test(text.trim())
    ? undefined
    : providers.find(({ scheme }) => start.startsWith(scheme));
}

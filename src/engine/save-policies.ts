// Loaded when something was signed: writes the admission policies that go with it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { writePolicies } from '../policies/write.ts';
import { readCertificate } from '../signature/certificate.ts';
import { derOf } from '../text/base64.ts';
import type { SignReport } from './sign.ts';
import { signedFrom } from './signed-from-results.ts';

export interface SavedPolicies {
  readonly folder: string;
  /** file name → text */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Writes ready admission policies for exactly what was signed into a folder in `temp`.
 * @returns the folder and the files' texts by name, or undefined where nothing was signed. Throws
 * as node:fs does.
 */
export function savePolicies(
  {
    results,
    publicKey,
    authorities,
    trustedRoot,
    privateSigstore,
    signatureRepository,
  }: SignReport,
  temp: string,
  name = `sign-image-policies-${process.pid}`,
): SavedPolicies | undefined {
  const root =
    trustedRoot === undefined
      ? {}
      : privateSigstore
        ? {
            privateSigstore: {
              trustedRoot: {
                parsed: trustedRoot,
                json: JSON.stringify(TrustedRoot.toJSON(trustedRoot), null, 2),
              },
            },
          }
        : { publicRoot: trustedRoot };
  const claims = authorities === undefined ? claimsOf(results) : undefined;
  const signed = signedFrom(results, {
    ...root,
    ...(publicKey === undefined ? {} : { publicKeyPem: publicKey }),
    ...(claims === undefined ? {} : { claims }),
    ...(authorities === undefined ? {} : { authorities }),
    ...(signatureRepository === undefined ? {} : { signatureRepository }),
  });
  if (signed === undefined) return undefined;
  const folder = join(temp, name);
  const files = writePolicies(signed);
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return { folder, files };
}

/** What the certificate of the first keyless signature says of its run. */
function claimsOf(results: SignReport['results']) {
  const pem = results
    .flatMap(({ signatures }) => signatures)
    .find(({ certificate }) => certificate !== undefined)?.certificate;
  return pem === undefined ? undefined : readCertificate(derOf(pem)).github;
}

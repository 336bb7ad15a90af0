// Loaded when something was signed: writes the admission policies that go with it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { parseReference } from '../image/reference.ts';
import type { Signed, SignedImage } from '../policies/signed.ts';
import { writePolicies } from '../policies/write.ts';
import { readCertificate } from '../signature/certificate.ts';
import type { Format } from '../signature/found.ts';
import { derOf } from '../text/base64.ts';
import type { SignReport } from './sign.ts';
import type { SignatureResult, SignResult } from './sign-result.ts';

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

/** What the results do not say of the run. */
type RunFacts = Pick<
  Signed,
  'authorities' | 'privateSigstore' | 'publicRoot' | 'signatureRepository'
> & {
  /** PEM, of a keyed run */
  readonly publicKeyPem?: string;
  /** what the certificate says of the run, of a keyless one */
  readonly claims?: Extract<Signed['signer'], { identity: string }>['claims'];
};

/**
 * Takes what policies can ask for out of the results of a run: only what holds for every image that
 * was signed, since one policy speaks of all.
 * @returns undefined where nothing was signed, or nobody can be named
 */
export function signedFrom(results: readonly SignResult[], facts: RunFacts): Signed | undefined {
  const done = results.filter(
    ({ status, signatures }) => status !== 'failed' && signatures.length > 0,
  );
  const signer = signerOf(done, facts);
  const [first] = done;
  if (first === undefined || signer === undefined) return undefined;
  const formats = (['bundle', 'legacy'] as const).filter((format) =>
    done.every(({ signatures }) => find(signatures, format) !== undefined),
  );
  const signatures = done.flatMap((result) =>
    result.signatures.filter(({ format }) => formats.includes(format)),
  );
  const logged = signatures.filter(({ tlogIndex }) => tlogIndex !== undefined);
  const logId = (find(logged, 'legacy') ?? logged[0])?.logId;
  const { privateSigstore, publicRoot, signatureRepository } = facts;
  return {
    images: done.filter(({ partOf }) => partOf === undefined).flatMap(imageOf),
    signer,
    ...(facts.authorities === undefined ? {} : { authorities: facts.authorities }),
    formats,
    tlog: logged.length === signatures.length,
    rekorV2:
      logged.length > 0 && logged.every(({ integratedTime }) => integratedTime === undefined),
    ...(signatures.some(({ withoutLog }) => withoutLog === true) ? { logOutage: true } : {}),
    timestamp: signatures.every(({ timestamp }) => timestamp !== undefined),
    annotations: first.annotations,
    ...(first.attested === undefined ? {} : { predicateType: first.attested.predicateType }),
    ...(logId === undefined ? {} : { logId }),
    ...(privateSigstore === undefined ? {} : { privateSigstore }),
    ...(publicRoot === undefined ? {} : { publicRoot }),
    ...(signatureRepository === undefined ? {} : { signatureRepository }),
  };
}

function signerOf(
  [first]: readonly SignResult[],
  { publicKeyPem, claims, authorities }: RunFacts,
): Signed['signer'] | undefined {
  if (publicKeyPem !== undefined) return { publicKeyPem };
  const { identity, issuer = authorities && '' } = first?.signer ?? {};
  if (identity === undefined || issuer === undefined) return undefined;
  return { identity, issuer, ...(claims === undefined ? {} : { claims }) };
}

function imageOf({ image, digest, references }: SignResult): readonly SignedImage[] {
  if (digest === undefined) return [];
  const { registry, repository } = parseReference(image);
  return [{ name: { registry, repository }, digest, references }];
}

function find(signatures: readonly SignatureResult[], format: Format): SignatureResult | undefined {
  return signatures.find((signature) => signature.format === format);
}

import { readFileSync } from 'node:fs';
import type { Bundle } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import {
  DSSEBundleBuilder,
  MessageSignatureBundleBuilder,
  type Signer,
  type Witness,
} from '@sigstore/sign';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { SigningConfigName } from '../sandbox/sigstore/sigstore.ts';

/** What the tests need of a Sigstore, be it the sandbox or a real one. */
export interface SigstoreWorld {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly rekor2Url: string;
  readonly timestampUrl: string;
  readonly trustedRoot: object;
  readonly signingConfig: Readonly<Record<SigningConfigName, object>>;
  readonly certificateIdentity: string;
  readonly issuer: string;
  token(claims?: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

/** The real private Sigstore whose addresses are in the environment, or in `env`. */
export async function realSigstore(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<SigstoreWorld> {
  const need = (name: string): string => {
    const value = env[name];
    if (!value)
      throw new Error(
        `${name} is not set: start a private Sigstore, and put its variables into the environment.`,
      );
    return value;
  };
  const json = (name: string) => JSON.parse(readFileSync(need(name), 'utf8'));
  return {
    fulcioUrl: need('FULCIO_URL'),
    rekorUrl: need('REKOR_URL'),
    rekor2Url: need('REKOR2_URL'),
    timestampUrl: need('TSA_URL'),
    trustedRoot: json('TRUSTED_ROOT'),
    signingConfig: {
      v1: json('SIGNING_CONFIG_V1'),
      v1_tsa: json('SIGNING_CONFIG_V1_TSA'),
      v2: json('SIGNING_CONFIG_V2'),
      tsa: json('SIGNING_CONFIG_TSA'),
    },
    certificateIdentity: need('CERTIFICATE_IDENTITY'),
    issuer: need('CERTIFICATE_OIDC_ISSUER'),
    async token(claims = {}) {
      const query = new URLSearchParams({ audience: 'sigstore', ...claims });
      const response = await fetch(`${need('ACTIONS_ID_TOKEN_REQUEST_URL')}&${query}`, {
        headers: { authorization: `bearer ${need('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` },
      });
      return ((await response.json()) as { value: string }).value;
    },
    close: async () => undefined,
  };
}

export async function signEnvelope(
  signer: Signer,
  witnesses: readonly Witness[],
  statement: string,
): Promise<Bundle> {
  return new DSSEBundleBuilder({ signer, witnesses: [...witnesses] }).create({
    data: Buffer.from(statement),
    type: 'application/vnd.in-toto+json',
  });
}

export async function signMessage(
  signer: Signer,
  witnesses: readonly Witness[],
  message: string,
): Promise<Bundle> {
  return new MessageSignatureBundleBuilder({ signer, witnesses: [...witnesses] }).create({
    data: Buffer.from(message),
  });
}

/**
 * What @sigstore/verify says, with everything that is in the bundle counted: throws, or names the
 * signer.
 */
export function judge(
  bundle: Bundle,
  trustedRoot: object,
  counts: { logs: number; times: number },
  message?: string,
) {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot)), {
    tlogThreshold: counts.logs,
    timestampThreshold: counts.times,
    ctlogThreshold: 1,
  });
  const entity =
    message === undefined ? toSignedEntity(bundle) : toSignedEntity(bundle, Buffer.from(message));
  const { identity } = verifier.verify(entity);
  return { identity: identity?.subjectAlternativeName, issuer: identity?.extensions?.issuer };
}

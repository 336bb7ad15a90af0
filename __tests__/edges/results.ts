import type { ResultError, SignResult } from '../../src/engine/sign-result.ts';
import { Failure, type FailureCode } from '../../src/failure.ts';
import { digestOf } from '../../src/image/digest.ts';

const publicGoodLog = 'c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d';

export const workflowSigner = {
  identity: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0',
  issuer: 'https://token.actions.githubusercontent.com',
};

export const publicKey =
  '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfz0a4ZbQYJYm8gqsJ0o4Mqjv0c2D\nbM0cBvQ0sV1mJmE5C4e0xk9vXkJ2r9c0W8m0l5s2hO0r5Tq1nYb3ZJtJ0g==\n-----END PUBLIC KEY-----\n';

/** A keyless image of the public-good instance, both formats, verified. */
export function keyless(name = 'app', change: Partial<SignResult> = {}): SignResult {
  const digest = digestOf(Buffer.from(name));
  return {
    image: `ghcr.io/acme/${name}@${digest}`,
    digest,
    references: [`ghcr.io/acme/${name}:1.2.0`],
    status: 'signed',
    signatures: [
      {
        format: 'bundle',
        digest: digestOf(Buffer.from(`${name} bundle`)),
        reference: `ghcr.io/acme/${name}@${digestOf(Buffer.from(`${name} bundle`))}`,
        tlogIndex: 312_345_678,
        logId: publicGoodLog,
        integratedTime: 1_790_000_000,
        certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      },
      {
        format: 'legacy',
        digest: digestOf(Buffer.from(`${name} legacy`)),
        reference: `ghcr.io/acme/${name}:${digest.replace(':', '-')}.sig`,
        tlogIndex: 312_345_679,
        logId: publicGoodLog,
        integratedTime: 1_790_000_001,
        certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      },
    ],
    signer: workflowSigner,
    annotations: {},
    verified: true,
    ...change,
  };
}

/** An image signed by a key, bundle only, in no log. */
export function keyed(name = 'app', change: Partial<SignResult> = {}): SignResult {
  const { signatures } = keyless(name);
  const bundle = signatures[0];
  if (bundle === undefined) throw new Error('no bundle');
  const { format, digest, reference } = bundle;
  const keyId = 'hXQ0Gm3m0sZ3rJ2pF1oH1m0pW4qPZt2b8d0y7c9uM5A=';
  return {
    ...keyless(name),
    signatures: [{ format, digest, reference, keyId }],
    signer: { keyId },
    ...change,
  };
}

/** The error of a result, as the use case makes it. */
export function errorWith(code: string, message: string, fix: string): ResultError {
  return {
    code,
    message,
    fix,
    failure: new Failure(code as FailureCode, message, fix, { cause: new Error('cause') }),
  };
}

/** What failed, with the error of the registry. */
export function failed(name: string, change: Partial<SignResult> = {}): SignResult {
  const { verified: _, ...rest } = keyless(name, { status: 'failed', signatures: [], signer: {} });
  const fix =
    'Give the job the right to write packages:\n```yaml\npermissions:\n  packages: write\n```';
  return {
    ...rest,
    error: errorWith('registry-denied', 'ghcr.io refuses to store the signature: denied.', fix),
    ...change,
  };
}

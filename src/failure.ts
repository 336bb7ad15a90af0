/** Every code a step can fail with. The list is closed: docs and tests walk it. */
export const failureCodes = [
  'bad-input',
  'bad-reference',
  'bad-digest',
  'bad-metadata',
  'bad-annotation',
  'bad-predicate',
  'bad-key',
  'bad-certificate',
  'bad-password',
  'unsupported-key',
  'bad-credentials',
  'image-not-found',
  'bad-manifest',
  'registry-denied',
  'registry-error',
  'registry-unsupported',
  'signature-lost',
  'immutable-tag',
  'network',
  'timeout',
  'cancelled',
  'too-large',
  'not-verified',
  'self-test-failed',
  'bad-identity-token',
  'no-identity-token',
  'bad-signing-config',
  'bad-trusted-root',
  'private-repository',
  'fulcio-error',
  'rekor-error',
  'timestamp-error',
  'tuf-error',
  'github-error',
  'kms-credentials',
  'kms-denied',
  'kms-key',
  'kms-error',
  'secret-exists',
  'secret-lost',
  'bad-policy',
  'nothing-to-verify',
  'old-node',
  'internal',
] as const;

export type FailureCode = (typeof failureCodes)[number];

/**
 * An error a person can act on: a stable code, one sentence of what happened (`message`), one of
 * what to change (`fix`, with the YAML where the workflow has to change), and the cause for the
 * debug log. Neither sentence ever holds a secret.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly fix: string;

  constructor(code: FailureCode, message: string, fix: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }
}

/**
 * A registry takes no Sigstore bundle, whoever writes it: where a legacy signature is written as
 * well, a run may go on with that one.
 */
export class BundlesRefused extends Failure {
  constructor(message: string, fix: string, options?: { cause?: unknown }) {
    super('registry-unsupported', message, fix, options);
  }
}

/** Anything caught, as a Failure: itself, or `internal` with the cause kept. */
export function asFailure(caught: unknown): Failure {
  if (caught instanceof Failure) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new Failure(
    'internal',
    `Something unexpected went wrong: ${message}`,
    'Please report this with the debug log of the run.',
    {
      cause: caught,
    },
  );
}

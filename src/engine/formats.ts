import { Failure } from '../failure.ts';
import type { Format } from '../signature/found.ts';

/** What is written beside an image. */
export type Thing = 'signature' | 'attestation';

/** Input `format`. */
export type FormatChoice = 'auto' | 'bundle' | 'legacy' | 'both';

/** What is known about the signer and the services when the formats are chosen. */
export interface FormatFacts {
  /** what signatures carry besides: one of Fulcio's, or of an authority of one's own */
  readonly certificate?: 'fulcio' | 'own';
  /** is there to be a log entry? */
  readonly tlog: boolean;
  /** is there a Rekor v1 log, the only kind whose promise (SET) the legacy format can carry? */
  readonly logV1: boolean;
  /** is there a Rekor v2 log? */
  readonly logV2: boolean;
  readonly timestamp: boolean;
}

/** What a key alone brings: no log, no timestamp, nothing but the registry is contacted. */
export const keyAlone = { tlog: false, logV1: false, logV2: false, timestamp: false } as const;

/**
 * Which signatures are written, decided before anything is signed.
 * @returns the formats, and a notice for a person where `auto` leaves one out.
 * @throws {Failure} `bad-input` where what was asked for cannot be verified by anybody.
 */
export function chooseFormats(
  choice: FormatChoice,
  facts: FormatFacts,
  thing: Thing = 'signature',
): { formats: readonly Format[]; notice?: string } {
  refuseUnprovable(facts);
  if (choice === 'bundle') return { formats: ['bundle'] };
  const legacyPossible = !facts.tlog || facts.logV1;
  if (legacyPossible) return { formats: choice === 'legacy' ? ['legacy'] : ['bundle', 'legacy'] };
  if (choice === 'auto') {
    return {
      formats: ['bundle'],
      notice: `Only the Sigstore bundle is written: the transparency log is Rekor v2, whose entries the legacy ${thing} (${legacyTags[thing]}) cannot carry. Verifiers that read legacy ${thing}s only (${legacyReaders[thing]}) will not see it.`,
    };
  }
  throw new Failure(
    'bad-input',
    `\`format: ${choice}\` asks for a legacy ${thing}, but the transparency log is Rekor v2, whose entries a legacy ${thing} cannot carry.`,
    'Use `format: bundle`, or a Rekor v1 log (`rekor-version: 1`).',
  );
}

const legacyTags = { signature: 'sha256-….sig', attestation: 'sha256-….att' } as const;
const legacyReaders = {
  signature: 'cosign before 2.6.3, podman, Connaisseur',
  attestation: 'cosign before 2.6.3, policy-controller, Kyverno before 1.17',
} as const;

/**
 * A certificate lives ten minutes, or a year: without a log entry that has a time, or a timestamp,
 * nothing proves that it was alive at signing.
 */
function refuseUnprovable({ certificate, tlog, logV1, logV2, timestamp }: FormatFacts): void {
  if (certificate === undefined || timestamp) return;
  const isFulcio = certificate === 'fulcio';
  if (!tlog) {
    throw new Failure(
      'bad-input',
      `${isFulcio ? 'Keyless signing' : 'Signing with a certificate'} without a log (\`tlog: false\`, or none in the signing config) and without a timestamp authority leaves nothing that proves when the certificate was used.`,
      'Remove `tlog: false`, or name a timestamp authority with `timestamp-url:` or `signing-config:`.',
    );
  }
  if (logV2 && !logV1) {
    throw new Failure(
      'bad-input',
      `A Rekor v2 log gives no time, so ${isFulcio ? 'a keyless signature' : 'a signature with a certificate'} there needs a timestamp, and no timestamp authority is configured.`,
      'Name one with `timestamp-url:` or `signing-config:`.',
    );
  }
}

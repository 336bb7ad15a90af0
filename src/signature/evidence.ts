import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { shown } from '../text/untrusted.ts';
import { parseBundle } from './bundle.ts';
import { SignedContent } from './content.ts';
import type { FoundSignature } from './found.ts';
import { readLayer } from './legacy.ts';
import { Refusal } from './refusal.ts';
import { type Claim, readStatement, statementType } from './statement.ts';

/**
 * Who says to have signed. The hint is what the signature calls its key, base64 of sha256 of the
 * SPKI DER by habit; it proves nothing.
 */
export type SignedBy = { readonly certificate: Buffer } | { readonly hint: string | undefined };

/** A signature whose bytes could be fetched. */
export type ReadableSignature = Exclude<FoundSignature, { readonly problem: unknown }>;

/** One signature of either format, taken apart. Nothing of it is believed yet. */
export interface Evidence {
  readonly claim: Claim;
  readonly content: SignedContent;
  readonly signedBy: SignedBy;
  readonly entries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses, over the signature's bytes */
  readonly timestamps: readonly Buffer[];
}

/**
 * Takes a signature apart.
 * @throws {Refusal} `malformed`, `too-large`, or `wrong-predicate` and `wrong-subject` when it is
 * no signature of an image, whoever made it.
 */
export function readEvidence(found: ReadableSignature): Evidence {
  return found.format === 'bundle'
    ? fromBundle(parseBundle(found.bundle))
    : readLayer(found.payload, found.annotations);
}

function fromBundle(bundle: Bundle): Evidence {
  if (bundle.content.$case !== 'dsseEnvelope') {
    throw new Refusal(
      'wrong-predicate',
      'The bundle signs bare bytes, not a statement about an image.',
    );
  }
  const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
  if (payloadType !== statementType) {
    throw new Refusal(
      'wrong-predicate',
      `The envelope holds "${shown(payloadType)}", not an in-toto statement.`,
    );
  }
  const [signature, ...more] = signatures;
  if (signature === undefined || more.length > 0)
    throw new Refusal('malformed', 'The envelope does not carry exactly one signature.');
  return {
    claim: readStatement(payload),
    content: SignedContent.ofEnvelope(payloadType, payload, signature.sig),
    ...materialOf(bundle),
  };
}

/**
 * Who says to have signed a bundle, and what it carries to prove it: the same whatever it signs.
 * @throws {Refusal} `malformed`
 */
export function materialOf(bundle: Bundle): Pick<Evidence, 'signedBy' | 'entries' | 'timestamps'> {
  const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  const timestamps = (timestampVerificationData?.rfc3161Timestamps ?? []).map(
    (timestamp) => timestamp.signedTimestamp,
  );
  return { signedBy: signerOf(bundle), entries: tlogEntries, timestamps };
}

function signerOf({ verificationMaterial: { content } }: Bundle): SignedBy {
  if (content.$case === 'publicKey') return { hint: content.publicKey.hint || undefined };
  // Of a chain (bundles 0.1 and 0.2) only the first counts; the path to the root is built from what
  // is trusted, never from what was sent.
  const certificate =
    content.$case === 'certificate'
      ? content.certificate
      : content.x509CertificateChain.certificates[0];
  if (certificate === undefined)
    throw new Refusal('malformed', 'The bundle carries no certificate.');
  return { certificate: certificate.rawBytes };
}

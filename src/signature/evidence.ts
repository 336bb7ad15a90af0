import type { Bundle } from '@sigstore/bundle';
import { shown } from '../text/untrusted.ts';
import { parseBundle } from './bundle.ts';
import { SignedContent } from './content.ts';
import type {
  Evidence,
  OpenedEnvelope,
  ReadableSignature,
  SignedBy,
  SignedEvidence,
} from './found.ts';
import { readLayer } from './legacy.ts';
import { Refusal } from './refusal.ts';
import { readStatement, statementType } from './statement.ts';

/**
 * Takes a signature apart.
 * @throws {Refusal} `malformed`, `too-large`, or `wrong-predicate` and `wrong-subject` when it is
 * no signature of an image, whoever made it.
 */
export function readEvidence(found: ReadableSignature): Evidence {
  return found.format === 'bundle'
    ? withClaim(openBundle(parseBundle(found.bundle)))
    : readLayer(found.payload, found.annotations);
}

function withClaim({ payload, ...evidence }: OpenedEnvelope): Evidence {
  return { claim: readStatement(payload), ...evidence };
}

/**
 * Opens the envelope of a bundle.
 * @throws {Refusal} `wrong-predicate` where it holds no in-toto statement, `malformed`
 */
export function openBundle(bundle: Bundle): OpenedEnvelope {
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
    payload,
    content: SignedContent.ofEnvelope(payloadType, payload, signature.sig),
    ...materialOf(bundle),
  };
}

/**
 * Who says to have signed a bundle, and what it carries to prove it: the same whatever it signs.
 * @throws {Refusal} `malformed`
 */
export function materialOf(
  bundle: Bundle,
): Pick<SignedEvidence, 'signedBy' | 'entries' | 'timestamps'> {
  const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  const timestamps = (timestampVerificationData?.rfc3161Timestamps ?? []).map(
    (timestamp) => timestamp.signedTimestamp,
  );
  return { signedBy: signerOf(bundle), entries: tlogEntries, timestamps };
}

function signerOf({ verificationMaterial: { content } }: Bundle): SignedBy {
  if (content.$case === 'publicKey') return { hint: content.publicKey.hint || undefined };
  if (content.$case === 'certificate') return { certificate: content.certificate.rawBytes };
  // Of a chain (bundles 0.1 and 0.2) only the first says who signed. The path to the trusted root is
  // built from that root alone; the others count only below authorities of one's own.
  const [certificate, ...chain] = content.x509CertificateChain.certificates.map(
    ({ rawBytes }) => rawBytes,
  );
  if (certificate === undefined)
    throw new Refusal('malformed', 'The bundle carries no certificate.');
  return { certificate, chain };
}

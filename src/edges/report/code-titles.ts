import type { VerdictCode } from '../../signature/verdict.ts';

/** What each code of an image means, in words for a headline or a list of rules. */
export const codeTitles: Readonly<Record<VerdictCode, string>> = {
  verified: 'The image is signed by whom it should be',
  unsigned: 'The image has no signature',
  'no-attestation': 'The image does not carry the attestations asked for',
  'wrong-identity': 'The image is signed by another identity',
  'wrong-issuer': 'The image is signed by an identity of another issuer',
  'wrong-claim': 'The signature was made for another repository, ref or event',
  'wrong-key': 'The image is signed with another key',
  'untrusted-certificate': 'The certificate of the signature is not trusted',
  'no-log-entry': 'The signature has no entry in a transparency log',
  'bad-log-entry': 'The log entry of the signature does not hold',
  'no-timestamp': 'Nothing proves when the signature was made',
  'bad-timestamp': 'The timestamp of the signature does not hold',
  'bad-signature': 'The signature is broken',
  'wrong-subject': 'The signature is one of another image',
  'wrong-predicate': 'What was found is no signature',
  'annotation-mismatch': 'The signature does not carry the annotations asked for',
  malformed: 'What was found in the registry cannot be read',
  'too-large': 'There is too much beside the image to be read',
  'registry-error': 'The registry could not be asked',
  'not-allowed': 'The policy does not allow the image',
  unresolved: 'It cannot be said which image this is',
};

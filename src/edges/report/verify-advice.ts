import type { VerifyResult } from '../../engine/verify-result.ts';
import type { VerdictCode } from '../../signature/verdict.ts';
import { knownSignersMark } from '../../signers/list.ts';
import { strangerAdvice } from './stranger-advice.ts';

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

/**
 * What to do about an image that did not verify: one or two sentences, with the YAML where a
 * workflow has to change. Advice never makes the gate weaker without saying when that is right: who
 * can push a signature chooses what is found.
 */
export function adviceFor(result: VerifyResult): string {
  if (wantsLogin(result) && result.sources !== undefined) return loginToStranger(result);
  if (result.failure !== undefined && result.code !== 'unresolved') return result.failure.fix;
  if (isOfPublisher(result)) return ofPublisher;
  return advice[result.code ?? 'unsigned'](result);
}

/** Who asks for the signature of a publisher cannot make one. */
const ofPublisher =
  'Do not use this image before its publisher says how it is signed: what is here is not what the publisher is known to do. `sign-image signers` prints where that was read; where the publisher has changed, a list of your own in `policy` can say so until this one does.';

const ownToMake: readonly VerdictCode[] = [
  'unsigned',
  'no-attestation',
  'no-log-entry',
  'no-timestamp',
  'wrong-subject',
  'wrong-predicate',
];

function isOfPublisher({ code, reason = '' }: VerifyResult): boolean {
  return reason.includes(knownSignersMark) && ownToMake.includes(code ?? 'unsigned');
}

function wantsLogin({ failure }: VerifyResult): boolean {
  return failure?.code === 'registry-denied' || failure?.code === 'bad-credentials';
}

/**
 * Who writes a pull request names a registry of their own, which then asks for a login: advice to
 * log in there would have people send it a password.
 */
function loginToStranger({ image }: VerifyResult): string {
  const [registry = ''] = image.split('/');
  return `A file names ${registry}, so whoever wrote the file chose it. If it is a registry of yours, log in to it before this step with docker/login-action. Otherwise give it no password, and name another image in the file.`;
}

/** A name without its tag or digest. */
const bare = (image: string) => image.replace(/[:@](?!.*\/).*$/s, '');

const signIt = (image: string) =>
  `Sign it in the job that pushes it, as the step after the push:\n\`\`\`yaml\n- uses: OWNER/sign-image@v1\n  with:\n    images: ${bare(image)}\n    digest: \${{ steps.build.outputs.digest }}\n\`\`\``;

const advice: Readonly<Record<VerdictCode, (result: VerifyResult) => string>> = {
  verified: () => 'Nothing has to be done.',
  unsigned: ({ asked, image, partOf }) =>
    asked || partOf.length === 0
      ? `${signIt(nameOf(image))}\nIf it is signed, and its signatures lie in a repository of their own, name that: \`signature-repository: …\`.`
      : 'The index may be signed, and this manifest inside it is not. Sign with `recursive: true`, or leave `recursive` out here to ask for the signature of the index alone.',
  'no-attestation': ({ image }) =>
    `Attest it in the job that pushes it, as a step after the push; here an SBOM, other documents with \`predicate\` and \`predicate-type\`:\n\`\`\`yaml\n- uses: OWNER/sign-image/attest@v1\n  with:\n    images: ${bare(nameOf(image))}\n    digest: \${{ steps.build.outputs.digest }}\n    sbom-path: sbom.spdx.json\n\`\`\`\nOr ask for another \`attestation-type\`: the summary lists what the image is attested with.`,
  'wrong-identity': (result) => strangerAdvice(result),
  'wrong-issuer': (result) => strangerAdvice(result),
  'wrong-claim': (result) => strangerAdvice(result),
  'wrong-key': (result) => strangerAdvice(result),
  'untrusted-certificate': () =>
    'Images signed with a private Sigstore need its trusted root: `trusted-root: path/to/trusted_root.json`; with a certificate of an authority of yours, its root in `ca-roots`, and what stands between in `ca-intermediates`. Otherwise do not use this image.',
  'no-log-entry': () =>
    'Sign it with a log entry (`tlog: true` of sign-image). Where the key alone is to be enough, say so here: `tlog: ignore`.',
  'bad-log-entry': () =>
    'The entry was changed, belongs to another signature, or is of a log that the trusted root does not know. For a private Sigstore set `trusted-root:`; otherwise sign the image again.',
  'no-timestamp': () =>
    'Sign it again with something that proves the time: a log that gives one (Rekor v1), or a timestamp authority (`timestamp-url:` of sign-image).',
  'bad-timestamp': () =>
    'The timestamp was changed, or is of an authority that the trusted root does not know. For a private Sigstore set `trusted-root:`; otherwise sign the image again.',
  'bad-signature': () =>
    'The signature or what it signs was changed. Find out who can write to this repository, and sign the image again.',
  'wrong-subject': ({ image }) =>
    `A signature of another image was put beside this one. ${signIt(nameOf(image))}`,
  'wrong-predicate': ({ image }) =>
    `Provenance or an SBOM describes an image, and does not approve of it: it is no signature. ${signIt(nameOf(image))}`,
  'annotation-mismatch': () =>
    'Sign the image with this annotation (input `annotations` of sign-image), or correct `annotations` of this step.',
  malformed: () =>
    'What lies in the registry is not a signature, an index or a manifest as it should be. Push the image and sign it again.',
  'too-large': () =>
    'There is more beside this image than can be read safely. Find out who wrote it, and delete it in the registry.',
  'registry-error': () => 'Run this step again; the debug log shows what the registry answered.',
  'not-allowed': () =>
    'Add a policy that speaks of this image, or correct the one that refuses it.',
  unresolved: ({ sources, failure }) =>
    sources !== undefined && failure === undefined
      ? 'Write the image itself there, best with its digest; or take the file out of input `files` with a line `!path/of/the/file`.'
      : 'Check its name, tag and digest, and that it has been pushed before this step. For a private repository log in before, with docker/login-action.',
};

function nameOf(image: string): string {
  return image.replace(/@sha256:.*$/s, '');
}

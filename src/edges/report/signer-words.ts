import type { SignerIdentity } from '../../signature/signer.ts';

const githubWorkflow =
  /^https:\/\/([^/\s]+)\/([^/\s]+\/[^/\s]+)\/\.github\/workflows\/([^@\s]+)@(\S+)$/;

/**
 * The signer as a person says it: "workflow release.yml of acme/app at refs/tags/v1.2.0", an e-mail
 * address, "key 4f2a…". Only for reading: what a verifier must state is the identity itself.
 */
export function signerInWords(signer: SignerIdentity): string {
  return words(signer, 'workflow ', (ref) => ref);
}

/** The same in a sentence about signing: "release.yml of acme/app at tag v1.2.0". */
export function shortSigner(signer: SignerIdentity): string {
  return words(signer, '', refInWords);
}

function words(
  { identity, keyId }: SignerIdentity,
  kind: string,
  refWords: (ref: string) => string,
): string {
  if (identity === undefined) return keyId === undefined ? '' : `key ${keyId.slice(0, 12)}…`;
  const [, host, repository, file, ref] = githubWorkflow.exec(identity) ?? [];
  if (repository === undefined || ref === undefined) return identity;
  // The same path on another server is another workflow.
  const where = host === 'github.com' ? repository : `${host}/${repository}`;
  return `${kind}${file} of ${where} at ${refWords(ref)}`;
}

/** Names of branches and tags have no space: nothing else looks like "tag v1". */
function refInWords(ref: string): string {
  const [, kind, name = ''] = /^refs\/(heads|tags)\/((?!refs\/).+)$/.exec(ref) ?? [];
  if (kind === undefined) return ref;
  return kind === 'tags' ? `tag ${name}` : name;
}

/** "Signed by release.yml of acme/app at main" or "Signed with key 4f2a…"; of several, how many. */
export function signedBy(signers: readonly SignerIdentity[]): string {
  const different = [...new Set(signers.map(shortSigner))].filter((words) => words !== '');
  const [first] = different;
  if (first === undefined) return 'Signed';
  if (different.length > 1) return `Signed by ${different.length} signers`;
  return signers[0]?.identity === undefined ? `Signed with ${first}` : `Signed by ${first}`;
}

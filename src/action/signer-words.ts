import type { SignerIdentity } from '../signature/signer.ts';

const githubWorkflow = /^https:\/\/[^/]+\/([^/]+\/[^/]+)\/\.github\/workflows\/([^@]+)@(.+)$/;

/**
 * The signer as a person says it: "workflow release.yml of acme/app at refs/tags/v1.2.0", an e-mail
 * address, "key 4f2a…". Only for reading: what a verifier must state is the identity itself.
 */
export function signerInWords({ identity, keyId }: SignerIdentity): string {
  if (identity !== undefined) {
    const [, repository, file, ref] = githubWorkflow.exec(identity) ?? [];
    return repository === undefined ? identity : `workflow ${file} of ${repository} at ${ref}`;
  }
  return keyId === undefined ? '' : `key ${keyId.slice(0, 12)}…`;
}

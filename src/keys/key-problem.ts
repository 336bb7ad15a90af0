import { Failure } from '../failure.ts';

/** bytes; the largest RSA key with comments is a quarter of that */
export const maxKeyBytes = 64 * 1024;

/** A Failure `bad-key` from the half of a sentence, written as a whole one. */
export function bad(what: string, fix: string): Failure {
  return new Failure('bad-key', `${what[0]?.toUpperCase()}${what.slice(1)}.`, fix);
}

/** A secret that does not exist arrives as the empty text: say when that happens. */
export function emptyKey(what: string, input: string): Failure {
  return bad(
    what,
    'GitHub gives an empty text for a secret that does not exist, that is in another environment, or in a pull request from a fork. ' +
      `Store it with \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\` and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}

// What "forbidden" means. Artifactory answers 403 for what is not there, Docker Hub 401 to a login
// that reaches further elsewhere. Read as "missing" where it is a refusal, it would hide signatures
// from a gate, have a writer replace what it was not shown, and a copy leave things behind unseen.
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { isWebPage } from '../text/web-page.ts';
import { errorsOf } from './answers.ts';
import { meaningOf } from './refusal-meaning.ts';

/**
 * Whether a 403 to a read means that there is nothing: its words say so, or it gives no reason and
 * the same login reads something else in the repository, since rights are given per repository. A
 * policy that forbids one document (Xray, quarantine) and a page of a gateway stay refusals.
 * @param isReadable whether this login reads manifests of the repository; asked only where it counts
 */
export async function meansMissing(
  response: HttpResponse,
  isReadable: () => Promise<boolean>,
): Promise<boolean> {
  if (response.status !== 403 || isWebPage(response)) return false;
  const errors = errorsOf(response);
  const said = errors.map(({ code, message }) => `${code}: ${message}`);
  if (meaningOf(403, said, true) !== undefined) return false;
  return errors.some(saysMissing) || isReadable();
}

function saysMissing({ code, message }: { readonly code: string; readonly message: string }) {
  return (
    /^(MANIFEST|NAME)_UNKNOWN$|^NOT_FOUND$/.test(code) ||
    /not found|unknown manifest/i.test(message)
  );
}

/**
 * Reads where a write follows: at the target of a copy. A refusal there may hide that there is
 * nothing yet, and the write says what is so. Never for a source: a copy would leave out what it was
 * not shown.
 * @param refused what counts instead: an answer, or the same question again when more is known
 * @throws {Failure} of `read` and of `refused`
 */
export async function beforeWriting<T>(
  read: () => Promise<T>,
  refused: () => T | Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (caught) {
    if (!(caught instanceof Failure && caught.code === 'registry-denied')) throw caught;
    return refused();
  }
}

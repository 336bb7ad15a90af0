import type { KnownVisibility, Visibility } from '../../engine/world.ts';
import type { TokenClaims } from '../../sigstore/identity-token.ts';
import { type RunEvent, readEvent } from './event.ts';

/**
 * Asks the forge for a repository; the fields of `GET /repos/{owner}/{repo}`. May throw, for any
 * reason.
 */
export type AskRepository = (
  repository: string,
) => Promise<{ readonly visibility?: string; readonly private?: boolean }>;

/**
 * Visibility of the repository this run belongs to: from the event, else from the API, else
 * private. Signing keyless against the public-good instance publishes repository and workflow names
 * for ever, so everything unclear counts as private.
 */
export async function repositoryVisibility(
  env: NodeJS.ProcessEnv,
  ask: AskRepository | undefined,
  event?: RunEvent,
): Promise<KnownVisibility> {
  const name = env.GITHUB_REPOSITORY;
  const { repository } = event ?? (await readEvent(env));
  // An event may tell of another repository than the one whose name the certificate will carry.
  if (repository !== undefined && name !== undefined && sameName(repository.fullName, name)) {
    const visibility = visibilityOf(repository);
    if (visibility !== undefined) return { visibility, from: 'event' };
  }
  return asked(name, ask);
}

/**
 * Visibility of the repository that an identity token is for: that is the one whose names a
 * certificate carries. The token says it itself (GitHub, GitLab); where it does not and names
 * another repository than the run's, that one is looked up, and counts as private where it is not
 * found.
 * @returns undefined for a token that says nothing beyond what is known of the run
 */
export async function tokenVisibility(
  claims: TokenClaims,
  env: NodeJS.ProcessEnv,
  ask: AskRepository | undefined,
): Promise<KnownVisibility | undefined> {
  const said = visibilityOfToken(claims);
  if (said === undefined || said.from === 'token') return said;
  const { repository, project_path: project } = claims;
  if (project === undefined && sameName(repository, env.GITHUB_REPOSITORY ?? '')) return undefined;
  return asked(project === undefined ? repository : undefined, ask);
}

/**
 * What a token says itself of the visibility of its repository.
 * @returns `unknown` where it names one and does not say; undefined where it names none
 */
export function visibilityOfToken(claims: Partial<TokenClaims>): KnownVisibility | undefined {
  const said = claims.repository_visibility ?? claims.project_visibility;
  if (said !== undefined)
    return { visibility: visibilityOf({ visibility: said }) ?? 'private', from: 'token' };
  return claims.repository === undefined && claims.project_path === undefined
    ? undefined
    : { visibility: 'private', from: 'unknown' };
}

async function asked(
  name: string | undefined,
  ask: AskRepository | undefined,
): Promise<KnownVisibility> {
  if (!name || ask === undefined) return { visibility: 'private', from: 'unknown' };
  try {
    const visibility = visibilityOf(await ask(name));
    return visibility === undefined
      ? { visibility: 'private', from: 'unknown' }
      : { visibility, from: 'api' };
  } catch {
    return { visibility: 'private', from: 'unknown' };
  }
}

/**
 * Undefined where the fields say nothing; public only when nothing disagrees. GitHub Enterprise
 * Server before 3.3 has `private` alone.
 */
function visibilityOf(repository: {
  readonly visibility?: string;
  readonly private?: boolean;
}): Visibility | undefined {
  const { visibility, private: isPrivate } = repository;
  if (visibility === undefined && isPrivate === undefined) return undefined;
  if (visibility === 'internal') return 'internal';
  const isPublic = (visibility ?? 'public') === 'public' && isPrivate !== true;
  return isPublic ? 'public' : 'private';
}

function sameName(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}

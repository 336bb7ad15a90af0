import { readEvent } from '../action/event.ts';
import { chapterUrl, imageChapter } from './own-repository.ts';

/** What links are built from: what the runner says, and nothing that a registry or file says. */
export interface PageSetting {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** of the run's own repository, as the event says: packages of people and organisations differ */
  readonly ownerType?: string;
}

/** What the links of a report about these images are built from. */
export async function pageSetting(
  env: NodeJS.ProcessEnv,
  images: readonly string[],
): Promise<PageSetting> {
  if (!images.some((image) => image.startsWith('ghcr.io/'))) return { env };
  const { repository } = await readEvent(env);
  return repository?.ownerType === undefined ? { env } : { env, ownerType: repository.ownerType };
}

/** An address where a person can look; undefined where there is none for certain. */
type Page = string | undefined;

const server = ({ env }: PageSetting): Page =>
  /^https:\/\/[\w.:-]+$/.test(env.GITHUB_SERVER_URL ?? '') ? env.GITHUB_SERVER_URL : undefined;

/** The run that writes this. */
export function runPage(setting: PageSetting): Page {
  const { GITHUB_REPOSITORY: repository = '', GITHUB_RUN_ID: run = '' } = setting.env;
  const host = server(setting);
  const known = host !== undefined && isRepository(repository) && /^\d+$/.test(run);
  return known ? `${host}/${repository}/actions/runs/${run}` : undefined;
}

/** A commit, of a repository on the run's server. */
export function commitPage(
  repository: string | undefined,
  sha: string | undefined,
  setting: PageSetting,
): Page {
  const host = server(setting);
  const known = host !== undefined && isRepository(repository ?? '') && isCommit(sha ?? '');
  return known ? `${host}/${repository}/commit/${sha}` : undefined;
}

/** Where a registry shows a repository to people. @param image `registry/repository@sha256:…` */
export function packagePage(image: string, setting: PageSetting): Page {
  const [, registry, repository = ''] =
    /^([^/]+)\/([a-z0-9][a-z0-9._/-]*)@sha256:[0-9a-f]{64}$/.exec(image) ?? [];
  if (registry === 'ghcr.io') return githubPackage(repository, setting);
  if (registry === 'quay.io') return `https://quay.io/repository/${repository}`;
  if (registry !== 'docker.io') return undefined;
  const [, official] = /^library\/(.+)$/.exec(repository) ?? [];
  return `https://hub.docker.com/${official === undefined ? `r/${repository}` : `_/${official}`}`;
}

/** Of an owner whose kind is not known there is no page for certain. */
function githubPackage(repository: string, setting: PageSetting): Page {
  const { env, ownerType } = setting;
  const kind = { Organization: 'orgs', User: 'users' }[ownerType ?? ''];
  const [owner = '', ...name] = repository.split('/');
  const own = owner === env.GITHUB_REPOSITORY_OWNER?.toLowerCase();
  if (kind === undefined || !own || name.length === 0 || server(setting) !== 'https://github.com')
    return undefined;
  return `https://github.com/${kind}/${owner}/packages/container/package/${name.join('%2F')}`;
}

/** The chapter about the code of a step that failed, or of an image that did not verify. */
export function chapterPage(code: string, of: 'step' | 'image', { env }: PageSetting): Page {
  return chapterUrl(of === 'image' ? imageChapter(code) : code, env);
}

const isRepository = (text: string) => /^[\w.-]+\/[\w.-]+$/.test(text);
const isCommit = (text: string) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

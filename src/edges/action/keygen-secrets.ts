// GitHub's secrets over its REST API ("REST API endpoints for GitHub Actions Secrets"), through
// Octokit of @actions/github.
import { abortAfter, type Clock } from '../../clock.ts';
import { Failure } from '../../failure.ts';
import { type SecretPlace, tokenStep } from '../inputs/keygen.ts';
import { type GithubTools, openGithub } from './github-client.ts';

/**
 * Where GitHub keeps secrets, of one repository, environment or organisation. Values go in and
 * never come out again.
 */
export interface SecretStore {
  /** the key that values are encrypted to */
  recipient(): Promise<{ readonly keyId: string; readonly key: Buffer }>;
  /** when the secret was written last, in GitHub's own time; undefined where there is none */
  find(name: string): Promise<Date | undefined>;
  /** @param sealed a sealed box to the key with the id `keyId` */
  write(name: string, sealed: Buffer, keyId: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** GitHub's time at its last answer */
  clock(): Date;
}

type Method = 'GET' | 'PUT' | 'DELETE';
interface Answer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>>;
  /** why there was no answer: status 0 */
  readonly why?: Failure;
}
type Ask = (method: Method, path: string, body?: object) => Promise<Answer>;

/** Answers of a service that is busy or restarting; every request here may be sent twice. */
const passing: ReadonlySet<number> = new Set([0, 429, 500, 502, 503, 504]);
const tries = 4;

type Visibility = {
  readonly visibility: string;
  readonly selected_repository_ids?: readonly number[];
};

/**
 * Opens the secrets of a place. Nothing is asked before it is needed. Methods throw Failure
 * `github-error`.
 */
export function openSecrets(
  place: SecretPlace,
  token: string,
  { clock, ...tools }: GithubTools & { readonly clock: Clock },
): SecretStore {
  const octokit = openGithub(token, tools);
  let answered = new Date(0);
  const ask: Ask = (method, path, body = {}) => patiently(() => once(method, path, body));
  const once = async (method: Method, path: string, body: object): Promise<Answer> => {
    try {
      const { status, data, headers } = await octokit.request(`${method} ${path}`, {
        ...body,
        request: { signal: abortAfter(20_000, clock) },
      });
      answered = headers.date === undefined ? clock.date() : new Date(headers.date);
      return { status: Number(status), data: (data ?? {}) as Readonly<Record<string, unknown>> };
    } catch (caught) {
      if (caught instanceof Failure) return { status: 0, data: {}, why: caught };
      const status =
        typeof caught === 'object' && caught !== null && 'status' in caught
          ? Number(caught.status)
          : 0;
      if (status === 404 && method === 'GET') return { status, data: {} };
      if (passing.has(status)) return { status, data: {} };
      throw explain(status, place); // without a cause: Octokit keeps the request, with the token, in its errors
    }
  };
  const patiently = async (work: () => Promise<Answer>): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const answer = await work();
      if (!passing.has(answer.status)) return answer;
      if (attempt === tries) throw explain(answer.status, place, answer.why);
      await clock.sleep(300 * 2 ** attempt);
    }
  };
  const base = pathOf(place);
  return {
    async recipient() {
      const { data, status } = await ask('GET', `${base}/public-key`);
      if (status === 404 || typeof data.key !== 'string' || typeof data.key_id !== 'string')
        throw explain(status, place);
      return { keyId: data.key_id, key: Buffer.from(data.key, 'base64') };
    },
    async find(name) {
      const { data, status } = await ask('GET', `${base}/${name}`);
      if (status === 404) return undefined;
      const at = new Date(String(data.updated_at));
      if (data.name !== name || Number.isNaN(at.getTime())) throw explain(status, place);
      return at;
    },
    async write(name, sealed, keyId) {
      const visible = place.kind === 'organization' ? await visibilityOf(place, name, ask) : {};
      await ask('PUT', `${base}/${name}`, {
        encrypted_value: sealed.toString('base64'),
        key_id: keyId,
        ...visible,
      });
    },
    remove: async (name) => void (await ask('DELETE', `${base}/${name}`)),
    clock: () => answered,
  };
}

function pathOf(place: SecretPlace): string {
  if (place.kind === 'organization') return `/orgs/${place.organization}/actions/secrets`;
  const repository = `/repos/${place.owner}/${place.repo}`;
  return place.kind === 'repository'
    ? `${repository}/actions/secrets`
    : `${repository}/environments/${encodeURIComponent(place.environment)}/secrets`;
}

/** An organisation's secret keeps who may use it; a new one is for the one repository. */
async function visibilityOf(
  { organization, owner, repo }: SecretPlace & { kind: 'organization' },
  name: string,
  ask: Ask,
): Promise<Visibility> {
  const base = `/orgs/${organization}/actions/secrets/${name}`;
  const { data, status } = await ask('GET', base);
  if (status === 200 && (data.visibility === 'all' || data.visibility === 'private'))
    return { visibility: data.visibility };
  if (status === 200) {
    const { data: list } = await ask('GET', `${base}/repositories?per_page=100`);
    const listed = Array.isArray(list.repositories)
      ? list.repositories.map(({ id }) => Number(id))
      : [];
    return { visibility: 'selected', selected_repository_ids: listed };
  }
  const { data: repository } = await ask('GET', `/repos/${owner}/${repo}`);
  if (!Number.isSafeInteger(repository.id)) {
    throw new Failure(
      'github-error',
      `The repository ${owner}/${repo} cannot be found with this token.`,
      'Set `repository` to the one that is to use the secrets, and give the token access to it.',
    );
  }
  return { visibility: 'selected', selected_repository_ids: [Number(repository.id)] };
}

function explain(status: number, place: SecretPlace, why?: Failure): Failure {
  const where =
    place.kind === 'organization'
      ? `the organisation ${place.organization}`
      : `${place.owner}/${place.repo}${place.kind === 'environment' ? `, environment ${place.environment}` : ''}`;
  if (status === 401)
    return new Failure(
      'github-error',
      'GitHub does not know the token in `github-token`, or it has expired.',
      `Make a new one:\n${tokenStep}`,
    );
  if (status === 403 || status === 404) {
    const permission = {
      repository: 'Secrets: write',
      environment: 'Environments: write',
      organization: 'Organization secrets: write',
    }[place.kind];
    return new Failure(
      'github-error',
      `The token in \`github-token\` may not write the secrets of ${where} (status ${status}).`,
      `It needs the permission \`${permission}\`, which the workflow's own token never has:\n${tokenStep}`,
    );
  }
  if (status === 0)
    return new Failure(
      'github-error',
      why === undefined
        ? 'GitHub did not answer in time.'
        : `GitHub did not answer: ${why.message}`,
      why?.fix ?? 'Run the workflow again; behind a proxy set HTTPS_PROXY.',
    );
  return new Failure(
    'github-error',
    `GitHub did not do what was asked of the secrets of ${where} (status ${status}).`,
    'Run the workflow again later; https://www.githubstatus.com tells about outages.',
  );
}

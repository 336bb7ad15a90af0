import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import {
  badAnswer,
  callService,
  jsonAnswer,
  refusalText,
  type ServiceEndpoint,
} from './service-call.ts';

/** GitHub's OIDC provider, as the runner names it to a job with `id-token: write`. */
export interface GithubProvider extends Pick<ServiceEndpoint, 'http' | 'clock' | 'retryBudget'> {
  /** ACTIONS_ID_TOKEN_REQUEST_URL */
  readonly url: string;
  /** ACTIONS_ID_TOKEN_REQUEST_TOKEN */
  readonly credential: string;
}

const maxAnswer = 128 * 1024;

/**
 * Asks GitHub's OIDC provider for an identity token ("OpenID Connect reference" of GitHub's docs:
 * `GET URL&audience=A` with the bearer credential answers `{ value }`). Waits for it as for the
 * other services of a run, also where it answers 403 because it does not know yet that the job
 * runs. The token is not masked here.
 * @throws {Failure} `no-identity-token`
 */
export async function askGithubToken(
  { url, credential, http, ...tools }: GithubProvider,
  audience: string,
): Promise<string> {
  const address = URL.parse(
    `${url}${url.includes('?') ? '&' : '?'}audience=${encodeURIComponent(audience)}`,
  );
  if (address === null)
    throw new Failure(
      'no-identity-token',
      'The address of an OIDC provider that the runner gives (ACTIONS_ID_TOKEN_REQUEST_URL) is none.',
      'Run the job on a runner of GitHub, or pass a token as `identity-token` or SIGSTORE_ID_TOKEN.',
    );
  const provider: ServiceEndpoint = {
    ...tools,
    http: async (request) => without(credential, await http(request)),
    name: "GitHub's OIDC provider",
    code: 'no-identity-token',
    url: address,
  };
  const response = await callService(provider, {
    method: 'GET',
    accept: 'application/json',
    headers: { authorization: `Bearer ${credential}` },
    maxBytes: maxAnswer,
    mayPass: isPending,
  });
  if (response.status !== 200) throw refused(provider, response);
  const { value } = jsonAnswer(provider, response);
  if (typeof value !== 'string' || value === '') throw badAnswer(provider, 'it holds no token');
  return value;
}

/** An endpoint that fails may send back what it was sent, and its words are told. */
function without(credential: string, response: HttpResponse): HttpResponse {
  if (!response.body.includes(credential)) return response;
  const text = response.body.toString('utf8').replaceAll(credential, '…');
  return { ...response, body: Buffer.from(text) };
}

/** For some seconds the provider may not know yet that this job is at work. */
function isPending({ status, body }: HttpResponse): boolean {
  return status === 403 && /pending/i.test(body.subarray(0, 4096).toString('utf8'));
}

function refused(provider: ServiceEndpoint, response: HttpResponse): Failure {
  const said = refusalText(response);
  const tries = (response.attempts ?? 1) > 1 ? `, asked ${response.attempts} times` : '';
  return new Failure(
    provider.code,
    `${provider.name} at ${provider.url.origin} gave no identity token (${response.status}${tries}${said === '' ? '' : `: ${said}`}).`,
    'Run the job again; if it stays so, see githubstatus.com. A job that has waited for hours has lost the right to ask.',
  );
}

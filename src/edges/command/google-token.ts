import { readFile } from 'node:fs/promises';
import { Failure } from '../../failure.ts';
import {
  callService,
  jsonAnswer,
  refusalText,
  type ServiceEndpoint,
} from '../../sigstore/service-call.ts';
import type { Asking } from '../world.ts';

type Tools = Pick<Asking, 'http' | 'clock' | 'mask'> & Pick<ServiceEndpoint, 'retryBudget'>;

/** bytes of a token with all its claims */
const maxAnswer = 65_536;
const productFile = '/sys/class/dmi/id/product_name';

/** True on a machine of Google's: Compute Engine, Cloud Build, GKE, Cloud Run. */
export async function isGoogle(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env.GCE_METADATA_HOST) return true;
  const product = await readFile(productFile, 'utf8').catch(() => '');
  return /^Google( Compute Engine)?$/.test(product.trim());
}

/**
 * Asks for an identity token of the machine's service account; or, with GOOGLE_SERVICE_ACCOUNT_NAME,
 * of that account, which the machine's may impersonate ("Create short-lived credentials for a
 * service account", `generateIdToken`). Either has the claim `email`, which Fulcio asks for.
 * @throws {Failure} `no-identity-token`
 */
export async function askGoogle(
  audience: string,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<string> {
  const account = env.GOOGLE_SERVICE_ACCOUNT_NAME;
  if (!account) {
    const query = `identity?audience=${encodeURIComponent(audience)}&format=full`;
    const { text } = await metadata(query, env, tools);
    return text;
  }
  const { endpoint, response } = await metadata('token', env, tools);
  const access = jsonAnswer(endpoint, response).access_token;
  if (typeof access !== 'string' || access === '') throw refused(endpoint, response.status, '');
  tools.mask.mask(access);
  return impersonated(account, access, audience, env, tools);
}

/** Reached directly, never through a proxy: it answers with credentials (http/proxy.ts). */
async function metadata(what: string, env: NodeJS.ProcessEnv, tools: Tools) {
  const host = env.GCE_METADATA_HOST || 'metadata.google.internal';
  const endpoint = endpointAt(
    "Google's metadata server",
    `http://${host}/computeMetadata/v1/instance/service-accounts/default/${what}`,
    tools,
  );
  const response = await callService(endpoint, {
    method: 'GET',
    accept: '*/*',
    headers: { 'metadata-flavor': 'Google' },
    maxBytes: maxAnswer,
  });
  if (response.status !== 200) throw refused(endpoint, response.status, refusalText(response));
  return { endpoint, response, text: response.body.toString('utf8') };
}

async function impersonated(
  account: string,
  access: string,
  audience: string,
  env: NodeJS.ProcessEnv,
  tools: Tools,
): Promise<string> {
  const universe = env.GOOGLE_CLOUD_UNIVERSE_DOMAIN || 'googleapis.com';
  const endpoint = endpointAt(
    'the IAM credentials API of Google',
    `https://iamcredentials.${universe}/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`,
    tools,
  );
  const response = await callService(endpoint, {
    method: 'POST',
    accept: 'application/json',
    contentType: 'application/json',
    headers: { authorization: `Bearer ${access}` },
    body: Buffer.from(JSON.stringify({ audience, includeEmail: true })),
    maxBytes: maxAnswer,
  });
  if (response.status !== 200) throw refused(endpoint, response.status, refusalText(response));
  const { token } = jsonAnswer(endpoint, response);
  if (typeof token !== 'string' || token === '') throw refused(endpoint, response.status, '');
  return token;
}

function endpointAt(
  name: string,
  address: string,
  { http, clock, retryBudget }: Tools,
): ServiceEndpoint {
  const url = URL.parse(address);
  if (url === null)
    throw new Failure(
      'no-identity-token',
      `The address of ${name} is none.`,
      'Look at the variables GCE_METADATA_HOST and GOOGLE_SERVICE_ACCOUNT_NAME.',
    );
  return { name, code: 'no-identity-token', url, http, clock, retryBudget };
}

function refused({ name, url }: ServiceEndpoint, status: number, said: string): Failure {
  return new Failure(
    'no-identity-token',
    `${name} at ${url.origin} gave no identity token (${status}${said === '' ? '' : `: ${said}`}).`,
    'Give this machine a service account. With GOOGLE_SERVICE_ACCOUNT_NAME it needs the role `roles/iam.serviceAccountOpenIdTokenCreator` on that account.',
  );
}

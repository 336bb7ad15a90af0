// Application default credentials (AIP-4110), as google-github-actions/auth leaves them: a service
// account's key (RFC 7523), or an external account of workload identity federation (AIP-4117: RFC
// 8693 token exchange, then generateAccessToken). Assertions are signed by jose.
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { type Answer, ask, jsonOf, safeUrl, serviceFailed, textIn } from './ask.ts';
import type { KeyTools } from './provider.ts';

/** A token to call Google's APIs with, and the domain they are at. */
export interface GoogleAccess {
  readonly token: string;
  readonly universe: string;
}

/** The step that leaves credentials on the runner. */
export const googleLoginStep = `permissions:
  id-token: write
steps:
  - uses: google-github-actions/auth@v3
    with:
      workload_identity_provider: projects/123456789/locations/global/workloadIdentityPools/github/providers/github
      service_account: sign-images@my-project.iam.gserviceaccount.com`;

const service = 'Google';
const scope = 'https://www.googleapis.com/auth/cloudkms';
const maxFile = 64 * 1024;

/**
 * Exchanges the credentials that are on the runner for an access token. @throws {Failure}
 * `kms-credentials` with the login step to add
 */
export async function googleAccess(tools: KeyTools): Promise<GoogleAccess> {
  const file = await readCredentials(tools);
  const kinds: Readonly<
    Record<string, ((file: Answer, tools: KeyTools) => Promise<string>) | undefined>
  > = {
    service_account: serviceAccount,
    external_account: externalAccount,
    authorized_user: authorizedUser,
  };
  const type = typeof file.type === 'string' && Object.hasOwn(kinds, file.type) ? file.type : '';
  const exchange = kinds[type];
  if (exchange === undefined) throw wrongFile('are of a kind that is not known');
  const token = await exchange(file, tools);
  tools.mask(token);
  return { token, universe: universeOf(file) };
}

async function readCredentials({ env, home, readFile }: KeyTools): Promise<Answer> {
  const named = env.GOOGLE_APPLICATION_CREDENTIALS || env.CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE;
  const path =
    named ||
    `${env.CLOUDSDK_CONFIG || `${home}/.config/gcloud`}/application_default_credentials.json`;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, maxFile);
  } catch {
    const what = named
      ? 'The file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read.'
      : 'There are no Google credentials on this runner.';
    throw new Failure(
      'kms-credentials',
      what,
      `Log in before this step, after actions/checkout:\n${googleLoginStep}`,
    );
  }
  const reading = readJson(bytes, 8);
  if ('problem' in reading || !isJsonObject(reading.value)) throw wrongFile('are not JSON');
  return reading.value;
}

/** A signed assertion for a token: proves the service account's key, which stays here. */
async function serviceAccount(file: Answer, tools: KeyTools): Promise<string> {
  const email = field(file, 'client_email');
  const tokenUri = safeUrl(field(file, 'token_uri'), 'token_uri');
  const pem = field(file, 'private_key');
  for (const line of pem.split('\n'))
    if (line.length >= 16 && !line.startsWith('-')) tools.mask(line);
  const header = {
    alg: 'RS256',
    typ: 'JWT',
    ...(typeof file.private_key_id === 'string' ? { kid: file.private_key_id } : {}),
  };
  let assertion: string;
  try {
    const claims = new SignJWT({ scope })
      .setProtectedHeader(header)
      .setIssuer(email)
      .setSubject(email)
      .setAudience(tokenUri.href);
    assertion = await claims
      .setIssuedAt()
      .setExpirationTime('10 minutes')
      .sign(createPrivateKey(pem));
  } catch {
    throw wrongFile('hold a private key that cannot be read'); // without a cause: it could quote the key
  }
  tools.mask(assertion);
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  return textIn(await post(tools, tokenUri, form), 'access_token', service);
}

async function authorizedUser(file: Answer, tools: KeyTools): Promise<string> {
  const secrets = {
    client_secret: field(file, 'client_secret'),
    refresh_token: field(file, 'refresh_token'),
  };
  for (const secret of Object.values(secrets)) tools.mask(secret);
  const form = { grant_type: 'refresh_token', client_id: field(file, 'client_id'), ...secrets };
  const url =
    typeof file.token_uri === 'string'
      ? safeUrl(file.token_uri, 'token_uri')
      : new URL('https://oauth2.googleapis.com/token');
  return textIn(await post(tools, url, form), 'access_token', service);
}

/**
 * The token of GitHub's OIDC provider for one of Google's, and that for one of the service account.
 */
async function externalAccount(file: Answer, tools: KeyTools): Promise<string> {
  const subject = await subjectToken(file, tools);
  tools.mask(subject);
  const impersonate =
    typeof file.service_account_impersonation_url === 'string'
      ? file.service_account_impersonation_url
      : undefined;
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: field(file, 'audience'),
    scope: impersonate === undefined ? scope : 'https://www.googleapis.com/auth/cloud-platform',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: field(file, 'subject_token_type'),
    subject_token: subject,
  };
  const federated = textIn(
    await post(tools, safeUrl(field(file, 'token_url'), 'token_url'), form),
    'access_token',
    service,
  );
  if (impersonate === undefined) return federated;
  tools.mask(federated);
  const url = safeUrl(impersonate, 'service_account_impersonation_url');
  const headers = {
    authorization: `Bearer ${federated}`,
    'content-type': 'application/json',
    accept: 'application/json',
  };
  const body = Buffer.from(JSON.stringify({ scope: [scope], lifetime: '3600s' }));
  const response = await ask(tools, {
    service,
    request: () => ({ method: 'POST', url, headers, body }),
  });
  if (response.status !== 200) throw refused(response, 'the service account in `service_account`');
  return textIn(jsonOf(response), 'accessToken', service);
}

async function subjectToken(file: Answer, tools: KeyTools): Promise<string> {
  const source = isJsonObject(file.credential_source) ? file.credential_source : {};
  const format = isJsonObject(source.format) ? source.format : {};
  let bytes: Uint8Array;
  if (typeof source.url === 'string') {
    const url = safeUrl(source.url, 'credential_source.url');
    const given = isJsonObject(source.headers) ? Object.entries(source.headers) : [];
    const headers = Object.fromEntries(
      given.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    );
    for (const value of Object.values(headers)) tools.mask(value.replace(/^Bearer /, ''));
    const response = await ask(tools, {
      service,
      request: () => ({ method: 'GET', url, headers }),
    });
    if (response.status !== 200) {
      throw new Failure(
        'kms-credentials',
        `${url.host} gave no identity token to log in to Google with (status ${response.status}).`,
        `The job needs the permission id-token:\n${googleLoginStep}`,
      );
    }
    bytes = response.body;
  } else if (typeof source.file === 'string') {
    bytes = await tools.readFile(source.file, maxFile).catch(() => {
      throw wrongFile('name a token in a file that cannot be read');
    });
  } else throw wrongFile('take their token from a source that is not known here');
  if (format.type !== 'json') return Buffer.from(bytes).toString('utf8').trim();
  const reading = readJson(bytes, 8);
  const answer = 'value' in reading && isJsonObject(reading.value) ? reading.value : undefined;
  return textIn(
    answer,
    typeof format.subject_token_field_name === 'string' ? format.subject_token_field_name : 'value',
    service,
  );
}

async function post(
  tools: KeyTools,
  url: URL,
  form: Readonly<Record<string, string>>,
): Promise<Answer | undefined> {
  const body = Buffer.from(new URLSearchParams(form).toString());
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  const response = await ask(tools, {
    service,
    request: () => ({ method: 'POST', url, headers, body }),
  });
  if (response.status !== 200) throw refused(response, 'the credentials');
  return jsonOf(response);
}

function refused(response: HttpResponse, what: string): Failure {
  if (response.status >= 500 || response.status === 429)
    return serviceFailed(service, response.status, '', response.attempts);
  return new Failure(
    'kms-credentials',
    `Google does not give this job a token for ${what} (status ${response.status}).`,
    `They may be revoked, or the provider's condition does not fit this repository. Log in shortly before this step:\n${googleLoginStep}`,
  );
}

function universeOf(file: Answer): string {
  const domain = file.universe_domain ?? 'googleapis.com';
  if (typeof domain === 'string' && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain)) return domain;
  throw wrongFile('name a domain that is none');
}

function field(file: Answer, name: string): string {
  const value = file[name];
  if (typeof value !== 'string' || value === '') throw wrongFile(`lack "${name}"`);
  return value;
}

function wrongFile(problem: string): Failure {
  return new Failure(
    'kms-credentials',
    `The Google credentials in the file that GOOGLE_APPLICATION_CREDENTIALS names ${problem}.`,
    `Log in before this step:\n${googleLoginStep}`,
  );
}

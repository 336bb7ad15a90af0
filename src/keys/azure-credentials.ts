// Tokens for Azure from what is on the runner: a federated token or a client secret (Microsoft
// identity platform: OAuth 2.0 client credentials flow, one form), else the session that
// azure/login opened in the Azure CLI.
import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { absent, ask, jsonOf, safeUrl, serviceFailed, textIn } from './ask.ts';
import type { KeyTools } from './provider.ts';

/** What a token is asked for, and where. */
export interface AzureCloud {
  readonly resource: string;
  readonly authority: string;
}

/** The step that leaves a session on the runner. */
export const azureLoginStep = `permissions:
  id-token: write
steps:
  - uses: azure/login@v2
    with:
      client-id: \${{ vars.AZURE_CLIENT_ID }}
      tenant-id: \${{ vars.AZURE_TENANT_ID }}
      allow-no-subscriptions: true`;

const service = 'Microsoft Entra ID';

/**
 * A token for the vaults of a cloud; hidden in the log. @throws {Failure} `kms-credentials` with
 * the login step to add
 */
export async function azureToken(tools: KeyTools, cloud: AzureCloud): Promise<string> {
  const token = (await fromClient(tools, cloud)) ?? (await fromCli(tools, cloud));
  tools.mask(token);
  return token;
}

async function fromClient(tools: KeyTools, cloud: AzureCloud): Promise<string | undefined> {
  const { env } = tools;
  const proof = await proofOf(tools);
  if (!env.AZURE_CLIENT_ID || !env.AZURE_TENANT_ID || proof === undefined) return undefined;
  if (!/^[\w.-]{1,100}$/.test(env.AZURE_TENANT_ID))
    throw new Failure(
      'kms-credentials',
      'AZURE_TENANT_ID is not the id of a tenant.',
      `Log in before this step:\n${azureLoginStep}`,
    );
  const authority = env.AZURE_AUTHORITY_HOST
    ? safeUrl(env.AZURE_AUTHORITY_HOST, 'AZURE_AUTHORITY_HOST')
    : new URL(cloud.authority);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: env.AZURE_CLIENT_ID,
    scope: `${cloud.resource}/.default`,
    ...proof,
  });
  const url = new URL(`/${env.AZURE_TENANT_ID}/oauth2/v2.0/token`, authority);
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  const response = await ask(tools, {
    service,
    request: () => ({ method: 'POST', url, headers, body: Buffer.from(form.toString()) }),
  });
  if (response.status === 200) return textIn(jsonOf(response), 'access_token', service);
  if (response.status >= 500 || response.status === 429)
    throw serviceFailed(service, response.status, '', response.attempts);
  const code = jsonOf(response)?.error_codes;
  const number = Array.isArray(code) && Number.isSafeInteger(code[0]) ? ` (AADSTS${code[0]})` : '';
  throw new Failure(
    'kms-credentials',
    `Microsoft Entra ID gives no token to the client in AZURE_CLIENT_ID${number}.`,
    `Check its federated credential (issuer, subject and audience) or its secret; or log in before this step:\n${azureLoginStep}`,
  );
}

/** What proves that we are the client; a federated token first, as it is good for minutes only. */
async function proofOf({
  env,
  readFile,
  mask,
}: KeyTools): Promise<Readonly<Record<string, string>> | undefined> {
  let federated = env.AZURE_FEDERATED_TOKEN;
  if (!federated && env.AZURE_FEDERATED_TOKEN_FILE) {
    try {
      federated = Buffer.from(await readFile(env.AZURE_FEDERATED_TOKEN_FILE, 64 * 1024))
        .toString('utf8')
        .trim();
    } catch {
      throw new Failure(
        'kms-credentials',
        'The file that AZURE_FEDERATED_TOKEN_FILE names cannot be read.',
        `Log in before this step:\n${azureLoginStep}`,
      );
    }
  }
  if (federated) {
    mask(federated);
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: federated,
    };
  }
  if (!env.AZURE_CLIENT_SECRET) return undefined;
  mask(env.AZURE_CLIENT_SECRET);
  return { client_secret: env.AZURE_CLIENT_SECRET };
}

/**
 * The session of the Azure CLI; the resource is the only argument, and the token comes back through
 * a pipe.
 */
async function fromCli(tools: KeyTools, { resource }: AzureCloud): Promise<string> {
  const ran = await tools
    .run('az', ['account', 'get-access-token', '--resource', resource, '--output', 'json'])
    .catch(absent);
  if (ran === undefined) {
    throw new Failure(
      'kms-credentials',
      'There are no Azure credentials on this runner, and no Azure CLI.',
      `Log in before this step:\n${azureLoginStep}`,
    );
  }
  const reading = ran.exitCode === 0 ? readJson(ran.stdout, 8) : undefined;
  const token =
    reading !== undefined && 'value' in reading && isJsonObject(reading.value)
      ? reading.value.accessToken
      : undefined;
  if (typeof token === 'string' && token !== '') return token;
  const expired = /AADSTS700024|expired/i.test(ran.stderr);
  throw new Failure(
    'kms-credentials',
    expired
      ? 'The session of the Azure CLI has expired.'
      : 'The Azure CLI on this runner has no session.',
    `Log in ${expired ? 'shortly ' : ''}before this step:\n${azureLoginStep}`,
  );
}

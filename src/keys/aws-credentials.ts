// The credentials that are on the runner, in the order of AWS's own tools (AWS SDKs and Tools
// Reference Guide: environment variables, web identity, shared files, container credentials).
// Nothing is asked of the machine's metadata service.
import { Failure } from '../failure.ts';
import { ask, jsonOf, safeUrl, serviceFailed, textIn } from './ask.ts';
import type { KeyTools } from './provider.ts';

/** Whom requests are signed as, and for which region. */
export interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
}

type Credentials = Omit<AwsIdentity, 'region'>;
type Section = Readonly<Record<string, string | undefined>>;

/** The step that leaves credentials on the runner. */
export const awsLoginStep = `permissions:
  id-token: write
steps:
  - uses: aws-actions/configure-aws-credentials@v5
    with:
      role-to-assume: arn:aws:iam::123456789012:role/sign-images
      aws-region: eu-central-1`;

const maxFile = 256 * 1024;

/**
 * Finds the credentials and the region of this job, and hides the secret ones.
 * @param keyRegion the region in the key's ARN, which is the only one that key is in
 * @throws {Failure} `kms-credentials` with the login step to add
 */
export async function awsIdentity(
  tools: KeyTools,
  keyRegion: string | undefined,
): Promise<AwsIdentity> {
  const { env } = tools;
  const profile = await readProfile(tools);
  const region = keyRegion ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || profile.region);
  if (!region || !/^[a-z0-9-]{3,40}$/.test(region)) {
    throw new Failure(
      'kms-credentials',
      'Nothing says which AWS region the key is in.',
      `Log in before this step, which sets the region:\n${awsLoginStep}`,
    );
  }
  const found =
    fromEnvironment(env) ??
    (await webIdentity(tools, region)) ??
    fromProfile(profile) ??
    (await fromContainer(tools));
  if (found === undefined) {
    throw new Failure(
      'kms-credentials',
      'There are no AWS credentials on this runner.',
      `Log in before this step:\n${awsLoginStep}`,
    );
  }
  tools.mask(found.secretAccessKey);
  if (found.sessionToken !== undefined) tools.mask(found.sessionToken);
  return { ...found, region };
}

function fromEnvironment(env: KeyTools['env']): Credentials | undefined {
  if (!env.AWS_ACCESS_KEY_ID || !env.AWS_SECRET_ACCESS_KEY) return undefined;
  return made(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN);
}

function fromProfile(profile: Section): Credentials | undefined {
  if (!profile.aws_access_key_id || !profile.aws_secret_access_key) return undefined;
  return made(profile.aws_access_key_id, profile.aws_secret_access_key, profile.aws_session_token);
}

function made(
  accessKeyId: string,
  secretAccessKey: string,
  sessionToken: string | undefined,
): Credentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/**
 * The profile's sections of both shared files, the credentials file first. Files that are not there
 * are no error.
 */
async function readProfile({ env, home, readFile }: KeyTools): Promise<Section> {
  const name = env.AWS_PROFILE || 'default';
  const read = async (path: string, section: string) => {
    try {
      return sectionOf(Buffer.from(await readFile(path, maxFile)).toString('utf8'), section);
    } catch {
      return {};
    }
  };
  const [config, credentials] = await Promise.all([
    read(
      env.AWS_CONFIG_FILE || `${home}/.aws/config`,
      name === 'default' ? 'default' : `profile ${name}`,
    ),
    read(env.AWS_SHARED_CREDENTIALS_FILE || `${home}/.aws/credentials`, name),
  ]);
  return { ...config, ...credentials };
}

/** One section of an INI file; nested settings (indented lines) are not among what is needed. */
function sectionOf(text: string, wanted: string): Section {
  const values: Record<string, string> = {};
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) inside = header.replace(/\s+/g, ' ') === wanted;
    const [, key, value] = /^([a-z_]{1,40})\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (inside && key !== undefined && value !== undefined) values[key] = value;
  }
  return values;
}

/** A role with a token in a file (EKS): AWS STS API Reference, AssumeRoleWithWebIdentity. */
async function webIdentity(tools: KeyTools, region: string): Promise<Credentials | undefined> {
  const { env } = tools;
  if (!env.AWS_WEB_IDENTITY_TOKEN_FILE || !env.AWS_ROLE_ARN) return undefined;
  const token = await readToken(
    tools,
    env.AWS_WEB_IDENTITY_TOKEN_FILE,
    'AWS_WEB_IDENTITY_TOKEN_FILE',
  );
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: env.AWS_ROLE_ARN,
    RoleSessionName: (env.AWS_ROLE_SESSION_NAME || 'sign-image')
      .replace(/[^\w+=,.@-]/g, '-')
      .slice(0, 64),
    WebIdentityToken: token,
  });
  const given = env.AWS_ENDPOINT_URL_STS || env.AWS_ENDPOINT_URL;
  const suffix = region.startsWith('cn-') ? '.cn' : '';
  const url = given
    ? safeUrl(given, 'AWS_ENDPOINT_URL_STS')
    : new URL(`https://sts.${region}.amazonaws.com${suffix}/`);
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  const response = await ask(tools, {
    service: 'AWS STS',
    request: () => ({ method: 'POST', url, headers, body: Buffer.from(form.toString()) }),
  });
  if (response.status !== 200) {
    if (response.status >= 500 || response.status === 429)
      throw serviceFailed('AWS STS', response.status, '', response.attempts);
    throw new Failure(
      'kms-credentials',
      'AWS does not give the role in AWS_ROLE_ARN for the token in AWS_WEB_IDENTITY_TOKEN_FILE.',
      `Check the trust policy of the role, or log in before this step:\n${awsLoginStep}`,
    );
  }
  const outer = jsonOf(response)?.AssumeRoleWithWebIdentityResponse as
    | { AssumeRoleWithWebIdentityResult?: { Credentials?: object } }
    | undefined;
  const inner = outer?.AssumeRoleWithWebIdentityResult?.Credentials as
    | Readonly<Record<string, unknown>>
    | undefined;
  const field = (name: string) => textIn(inner, name, 'AWS STS');
  return made(field('AccessKeyId'), field('SecretAccessKey'), field('SessionToken'));
}

/**
 * ECS and EKS Pod Identity: an address on this machine's own network, named by the orchestrator.
 */
async function fromContainer(tools: KeyTools): Promise<Credentials | undefined> {
  const { env } = tools;
  const url = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
    ? URL.parse(env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, 'http://169.254.170.2')
    : URL.parse(env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '');
  if (url === null) return undefined;
  const isLocal = /^(169\.254\.170\.(2|23)|127(\.\d{1,3}){3}|localhost|\[fd00:ec2::23\])$/.test(
    url.hostname,
  );
  if (url.protocol !== 'https:' && !isLocal) {
    throw new Failure(
      'kms-credentials',
      'AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http to another machine.',
      `Log in with the action instead:\n${awsLoginStep}`,
    );
  }
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const token = file
    ? await readToken(tools, file, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
    : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  if (token) tools.mask(token);
  const response = await ask(tools, {
    service: 'The container credentials of AWS',
    request: () => ({
      method: 'GET',
      url,
      headers: { accept: 'application/json', ...(token ? { authorization: token } : {}) },
    }),
  });
  if (response.status !== 200)
    throw serviceFailed('The container credentials of AWS', response.status, '', response.attempts);
  const answer = jsonOf(response);
  const field = (name: string) => textIn(answer, name, 'The container credentials of AWS');
  return made(field('AccessKeyId'), field('SecretAccessKey'), field('Token'));
}

async function readToken(tools: KeyTools, path: string, variable: string): Promise<string> {
  try {
    const token = Buffer.from(await tools.readFile(path, maxFile))
      .toString('utf8')
      .trim();
    tools.mask(token);
    return token;
  } catch {
    throw new Failure(
      'kms-credentials',
      `The file that ${variable} names cannot be read.`,
      `Log in before this step:\n${awsLoginStep}`,
    );
  }
}

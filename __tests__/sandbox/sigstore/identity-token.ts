import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

/** What a token makes of its bearer. */
export interface Identity {
  /** The name in the certificate: an `https://github.com/…` URI, or an e-mail address. */
  readonly name: string;
  readonly email: boolean;
  /** What the bearer signs to prove possession of the key. */
  readonly challenge: string;
  /** Numbers below Fulcio's arc, with their values, in the order of the certificate. */
  readonly claims: readonly (readonly [number, string])[];
}

/** An issuer that Fulcio trusts. */
export interface TrustedIssuer {
  readonly url: string;
  readonly type: 'github-workflow' | 'email';
  readonly keys: () => Promise<readonly (JsonWebKey & { kid?: string })[]>;
}

const maxTokenLength = 32 * 1024;
const notBeforeLeeway = 5 * 60;

/**
 * Reads and verifies an identity token: three parts, RS256 by a published key, a known issuer, the
 * audience, the times.
 * @throws {Error} with the reason; Fulcio tells its client nothing but that the token is wrong.
 */
export async function verifyToken(
  token: string,
  issuers: readonly TrustedIssuer[],
  audience: string,
  now: Date,
): Promise<Identity> {
  const parts = token.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || token.length > maxTokenLength) throw new Error('malformed token');
  const header = jsonPart(head);
  const claims = jsonPart(body);
  const issuer = issuers.find(({ url }) => url === claims.iss);
  if (!issuer) throw new Error('unknown issuer');
  if (![claims.aud].flat().includes(audience)) throw new Error('wrong audience');
  const seconds = now.getTime() / 1000;
  if (typeof claims.exp !== 'number' || claims.exp < seconds) throw new Error('expired token');
  if (typeof claims.nbf === 'number' && claims.nbf > seconds + notBeforeLeeway)
    throw new Error('token is not valid yet');
  if (header.alg !== 'RS256') throw new Error('unexpected algorithm');
  const keys = (await issuer.keys()).filter(
    ({ kid }) => header.kid === undefined || kid === header.kid,
  );
  const valid = keys.some((jwk) =>
    verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      createPublicKey({ key: jwk, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    ),
  );
  if (!valid) throw new Error('wrong signature');
  return issuer.type === 'email' ? emailIdentity(claims) : ciIdentity(claims);
}

function jsonPart(part: string): Claims {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  if (typeof value !== 'object' || value === null) throw new Error('malformed token');
  return value as Claims;
}

function emailIdentity(claims: Claims): Identity {
  const { email, email_verified, iss, sub } = claims;
  if (typeof email !== 'string' || !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email))
    throw new Error('email address is not valid');
  if (email_verified !== true) throw new Error('email_verified claim was false');
  return {
    name: email,
    email: true,
    challenge: email,
    claims: numbered({ 1: String(iss), 8: String(iss), 24: String(sub ?? '') }),
  };
}

/** The real one knows the CI system by its issuer; here one issuer stands for several of them. */
function ciIdentity(claims: Claims): Identity {
  if (claims.ci_config_ref_uri !== undefined) return gitlabIdentity(claims);
  if (claims['oidc.circleci.com/project-id'] !== undefined) return circleciIdentity(claims);
  if (claims.organization_slug !== undefined) return buildkiteIdentity(claims);
  return workflowIdentity(claims);
}

/** As `gitlab-pipeline` of Fulcio's `config/identity/config.yaml` makes it. */
function gitlabIdentity(claims: Claims): Identity {
  const text = (name: string): string => {
    const value = claims[name];
    if (typeof value !== 'string' || value === '') throw new Error(`missing ${name} claim`);
    return value;
  };
  const [url, config] = ['https://gitlab.com', `https://${text('ci_config_ref_uri')}`];
  const kind = text('ref_type') === 'branch' ? 'heads' : 'tags';
  const values = {
    1: text('iss'),
    8: text('iss'),
    9: config,
    10: text('ci_config_sha'),
    11: text('runner_environment'),
    12: `${url}/${text('project_path')}`,
    13: text('sha'),
    14: `refs/${kind}/${text('ref')}`,
    15: text('project_id'),
    16: `${url}/${text('namespace_path')}`,
    17: text('namespace_id'),
    18: config,
    19: text('ci_config_sha'),
    20: text('pipeline_source'),
    21: `${url}/${text('project_path')}/-/jobs/${text('job_id')}`,
    22: text('project_visibility'),
    24: text('sub'),
  };
  return { name: config, email: false, challenge: text('sub'), claims: numbered(values) };
}

/** As `circleci-job` makes it: a claim that is not there is an empty text. */
function circleciIdentity(claims: Claims): Identity {
  const text = (name: string): string => String(claims[`oidc.circleci.com/${name}`] ?? '');
  const api = 'https://circleci.com/api/v2';
  const name = `${api}/projects/${text('project-id')}/pipeline-definitions/${text('pipeline-definition-id')}`;
  const [issuer, subject] = [String(claims.iss), String(claims.sub ?? '')];
  const values = {
    1: issuer,
    8: issuer,
    9: name,
    11: text('ssh-rerun') === 'true' ? 'ssh-rerun' : '""',
    12: text('vcs-origin'),
    14: text('vcs-ref'),
    18: `${api}/pipeline/${text('pipeline-id')}/config`,
    21: `https://app.circleci.com//workflow/${text('workflow-id')}/job/${text('job-id')}`,
    24: subject,
  };
  return { name, email: false, challenge: subject, claims: numbered(values) };
}

/** As `buildkite-job` makes it. */
function buildkiteIdentity(claims: Claims): Identity {
  const text = (name: string): string => {
    const value = claims[name];
    if (value === undefined || value === '') throw new Error(`missing ${name} claim`);
    return String(value);
  };
  const name = `https://buildkite.com/${text('organization_slug')}/${text('pipeline_slug')}`;
  const values = {
    1: text('iss'),
    8: text('iss'),
    11: text('runner_environment'),
    13: text('build_commit'),
    20: text('build_source'),
    21: `${name}/builds/${text('build_number')}#${text('job_id')}`,
    24: text('sub'),
  };
  return { name, email: false, challenge: text('sub'), claims: numbered(values) };
}

const required = [
  'job_workflow_ref',
  'sha',
  'event_name',
  'repository',
  'workflow',
  'ref',
  'job_workflow_sha',
  'runner_environment',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'repository_visibility',
  'workflow_ref',
  'workflow_sha',
  'run_id',
  'run_attempt',
] as const;

/** The workflow as Fulcio's `github-workflow` issuers name it; a missing claim is refused. */
function workflowIdentity(claims: Claims): Identity {
  const c = {} as Record<(typeof required)[number], string>;
  for (const name of required) {
    const value = claims[name];
    if (typeof value !== 'string' || value === '')
      throw new Error(`missing ${name} claim in ID token`);
    c[name] = value;
  }
  const [issuer, subject] = [String(claims.iss), String(claims.sub ?? '')];
  const signer = github(c.job_workflow_ref);
  const values = {
    1: issuer,
    2: c.event_name,
    3: c.sha,
    4: c.workflow,
    5: c.repository,
    6: c.ref,
    8: issuer,
    9: signer,
    10: c.job_workflow_sha,
    11: c.runner_environment,
    12: github(c.repository),
    13: c.sha,
    14: c.ref,
    15: c.repository_id,
    16: github(c.repository_owner),
    17: c.repository_owner_id,
    18: github(c.workflow_ref),
    19: c.workflow_sha,
    20: c.event_name,
    21: github(`${c.repository}/actions/runs/${c.run_id}/attempts/${c.run_attempt}`),
    22: c.repository_visibility,
    24: subject,
  };
  return { name: signer, email: false, challenge: subject, claims: numbered(values) };
}

const numbered = (values: Readonly<Record<number, string>>): [number, string][] =>
  Object.entries(values)
    .filter(([, value]) => value !== '')
    .map(([number, value]) => [Number(number), value]);

/**
 * A path below github.com as Go's `URL.JoinPath` writes it: one that is validly encoded stays, any
 * other is decoded and encoded anew.
 */
function github(path: string): string {
  const valid = /^(?:[\w\-.~!$&'()*+,;=:@[\]/]|%[0-9a-fA-F]{2})*$/.test(path);
  const decoded = Buffer.from(
    path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  );
  const encode = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  const encoded = (): string =>
    [...decoded]
      .map((byte) =>
        /[\w\-.~$&+,/:;=@]/.test(String.fromCharCode(byte))
          ? String.fromCharCode(byte)
          : encode(byte),
      )
      .join('');
  return `https://github.com/${valid ? path : encoded()}`;
}

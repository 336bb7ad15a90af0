// How a Kubernetes API server is reached (Kubernetes documentation: Organizing Cluster Access Using
// kubeconfig Files; client-go credential plugins, client.authentication.k8s.io/v1; Accessing the
// API from a Pod).

import { Failure } from '../failure.ts';
import type { TlsPeer } from '../http/http.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { readYaml } from '../text/yaml.ts';
import { plainValue } from '../text/yaml-node.ts';
import { type Answer, absent, safeUrl } from './ask.ts';
import type { KeyTools } from './provider.ts';

/** An API server, and who we are there. */
export interface KubernetesAccess {
  readonly server: URL;
  readonly peer: TlsPeer;
  readonly token?: string;
  /** the kubeconfig says `insecure-skip-tls-verify` */
  readonly skipTls: boolean;
}

/** The step that leaves a kubeconfig on the runner. */
export const kubernetesLoginStep = `steps:
  - uses: azure/k8s-set-context@v4
    with:
      method: kubeconfig
      kubeconfig: \${{ secrets.KUBECONFIG }}`;

const maxFile = 1024 * 1024;
const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * From KUBECONFIG, else ~/.kube/config, else the service account of the pod that the runner is in.
 * @throws {Failure} `kms-credentials`
 */
export async function kubernetesAccess(tools: KeyTools): Promise<KubernetesAccess> {
  const config = await readConfig(tools);
  if (config !== undefined) return fromConfig(config, tools);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = tools.env;
  if (!host)
    throw new Failure(
      'kms-credentials',
      'There is no kubeconfig on this runner.',
      `Add one before this step:\n${kubernetesLoginStep}`,
    );
  const [token, ca] = await Promise.all(
    ['token', 'ca.crt'].map((file) => textOf(tools, `${accountFolder}/${file}`)),
  );
  tools.mask(token ?? '');
  const server = safeUrl(
    `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    'KUBERNETES_SERVICE_HOST',
  );
  return { server, peer: { ca: ca ?? '' }, token: (token ?? '').trim(), skipTls: false };
}

interface Config {
  readonly folder: string;
  readonly value: Answer;
}

/**
 * The first file that is there of the list in KUBECONFIG: merging several is left to `kubectl
 * config view --flatten`.
 */
async function readConfig({ env, home, readFile }: KeyTools): Promise<Config | undefined> {
  const named = (env.KUBECONFIG ?? '').split(':').filter((path) => path !== '');
  for (const path of named.length > 0 ? named : [`${home}/.kube/config`]) {
    let text: string;
    try {
      text = Buffer.from(await readFile(path, maxFile)).toString('utf8');
    } catch {
      continue;
    }
    try {
      const [document] = readYaml(text);
      const value: unknown = document === undefined ? undefined : plainValue(document);
      if (isJsonObject(value)) return { folder: path.replace(/\/?[^/]*$/, ''), value };
    } catch {
      // A parser's message quotes the file, which holds credentials.
    }
    throw wrong('is not YAML');
  }
  if (named.length === 0) return undefined;
  throw new Failure(
    'kms-credentials',
    'The file that KUBECONFIG names cannot be read.',
    `Add it before this step:\n${kubernetesLoginStep}`,
  );
}

async function fromConfig({ folder, value }: Config, tools: KeyTools): Promise<KubernetesAccess> {
  const context = entry(value.contexts, value['current-context'], 'context');
  const cluster = entry(value.clusters, context.cluster, 'cluster');
  const user = entry(value.users, context.user, 'user');
  const server = safeUrl(String(cluster.server), 'server in the kubeconfig');
  const file = async (owner: Answer, name: string) => {
    const data = owner[`${name}-data`];
    if (typeof data === 'string' && data !== '')
      return Buffer.from(data, 'base64').toString('utf8');
    const path = owner[name];
    if (typeof path !== 'string' || path === '') return undefined;
    return textOf(tools, path.startsWith('/') || folder === '' ? path : `${folder}/${path}`);
  };
  const ca = await file(cluster, 'certificate-authority');
  const own = await credentialsOf(user, file, tools);
  if (own.key !== undefined) tools.mask(own.key);
  if (own.token !== undefined) tools.mask(own.token);
  const servername = cluster['tls-server-name'];
  const peer = {
    ...(ca === undefined ? {} : { ca }),
    ...(own.cert === undefined ? {} : { cert: own.cert }),
    ...(own.key === undefined ? {} : { key: own.key }),
    ...(typeof servername === 'string' && servername !== '' ? { servername } : {}),
  };
  return {
    server,
    peer,
    ...(own.token === undefined ? {} : { token: own.token }),
    skipTls: cluster['insecure-skip-tls-verify'] === true,
  };
}

interface Credentials {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

async function credentialsOf(
  user: Answer,
  file: (owner: Answer, name: string) => Promise<string | undefined>,
  tools: KeyTools,
): Promise<Credentials> {
  if (isJsonObject(user.exec)) return fromPlugin(user.exec, tools);
  const token =
    typeof user.tokenFile === 'string' ? (await textOf(tools, user.tokenFile)).trim() : user.token;
  const [cert, key] = [await file(user, 'client-certificate'), await file(user, 'client-key')];
  if (typeof token === 'string' && token !== '') return { token, cert, key };
  if (cert === undefined || key === undefined)
    throw wrong('has no token, no client certificate and no exec plugin for its user');
  return { cert, key };
}

/** A credential plugin such as `aws eks get-token` or `gke-gcloud-auth-plugin`. */
async function fromPlugin(exec: Answer, { run }: KeyTools): Promise<Credentials> {
  const apiVersion = String(exec.apiVersion ?? 'client.authentication.k8s.io/v1');
  const args = Array.isArray(exec.args) ? exec.args.map(String) : [];
  const pairs = Array.isArray(exec.env)
    ? exec.env.filter(isJsonObject).map(({ name, value }) => [String(name), String(value)] as const)
    : [];
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  const command = String(exec.command);
  const ran = await run(command, args, {
    env: { ...Object.fromEntries(pairs), KUBERNETES_EXEC_INFO: info },
  }).catch(absent);
  const reading = ran?.exitCode === 0 ? readJson(ran.stdout, 8) : undefined;
  const answer =
    reading !== undefined && 'value' in reading && isJsonObject(reading.value) ? reading.value : {};
  const status = isJsonObject(answer.status) ? answer.status : {};
  const text = (name: string) =>
    typeof status[name] === 'string' && status[name] !== '' ? String(status[name]) : undefined;
  const found = {
    token: text('token'),
    cert: text('clientCertificateData'),
    key: text('clientKeyData'),
  };
  if (
    answer.kind === 'ExecCredential' &&
    (found.token !== undefined || (found.cert !== undefined && found.key !== undefined))
  )
    return found;
  const shown = /^[\w./-]{1,80}$/.test(command) ? `\`${command}\`` : 'The plugin';
  throw new Failure(
    'kms-credentials',
    `${shown}, which the kubeconfig names for credentials, gives none.`,
    'Log in to the cloud of the cluster before this step, and install the plugin on the runner.',
  );
}

/** One of a list of `{ name, [kind]: … }`. */
function entry(list: unknown, name: unknown, kind: string): Answer {
  const all: readonly unknown[] = Array.isArray(list) ? list : [];
  const found = all.find(
    (item) => isJsonObject(item) && typeof name === 'string' && name !== '' && item.name === name,
  );
  const value = isJsonObject(found) ? found[kind] : undefined;
  if (!isJsonObject(value)) throw wrong(`has no ${kind} that its current context could mean`);
  return value;
}

async function textOf({ readFile }: KeyTools, path: string): Promise<string> {
  try {
    return Buffer.from(await readFile(path, maxFile)).toString('utf8');
  } catch {
    throw wrong('names a file that cannot be read');
  }
}

function wrong(problem: string): Failure {
  return new Failure(
    'kms-credentials',
    `The kubeconfig ${problem}.`,
    'Check it with `kubectl config view --minify`.',
  );
}

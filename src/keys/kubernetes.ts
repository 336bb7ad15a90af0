// A key in a Kubernetes secret, as `cosign generate-key-pair k8s://…` leaves it (Kubernetes API
// reference: core/v1, read the specified Secret).
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { isJsonObject } from '../text/json.ts';
import { ask, jsonOf, serviceFailed, strangeAnswer, word } from './ask.ts';
import { bad } from './key-text.ts';
import { kubernetesAccess, kubernetesLoginStep } from './kubernetes-access.ts';
import { loadSigner } from './local.ts';
import { secretForms } from './mask.ts';
import type { KeyProvider, KeyTools } from './provider.ts';
import { readPublicKeys } from './public.ts';

const service = 'Kubernetes';

/**
 * A Kubernetes secret with `cosign.key`, `cosign.password` and `cosign.pub`, as
 * `k8s://NAMESPACE/SECRET`.
 */
export const kubernetesSecret: KeyProvider = {
  async loadSigner(reference, tools, input) {
    const read = await readSecret(reference, tools, input);
    const key = read('cosign.key');
    for (const form of secretForms(key)) tools.mask(form);
    const password = read('cosign.password', '');
    if (password !== '') tools.mask(password);
    return loadSigner({ key, password, input });
  },
  async loadPublicKeys(reference, tools, input) {
    const read = await readSecret(reference, tools, input);
    return readPublicKeys(read('cosign.pub'), input);
  },
};

/** A DNS label or subdomain (RFC 1123), as names of namespaces and secrets are. */
const name = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';

async function readSecret(
  reference: string,
  tools: KeyTools,
  input: string,
): Promise<(field: string, missing?: string) => string> {
  const [, namespace, secret] = new RegExp(`^k8s://(${name})/(${name})$`).exec(reference) ?? [];
  if (namespace === undefined || secret === undefined) {
    throw bad(
      `\`${input}\` starts with k8s:// and is no reference to a secret`,
      `Write namespace and name of the secret: \`${input}: k8s://build/cosign\`.`,
    );
  }
  const access = await kubernetesAccess(tools);
  const url = new URL(access.server.href);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/api/v1/namespaces/${namespace}/secrets/${secret}`;
  const headers = {
    accept: 'application/json',
    ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
  };
  const request = {
    method: 'GET',
    url,
    headers,
    peer: access.peer,
    tls: access.skipTls ? 'skip' : 'verify',
  } as const;
  const response = await ask(tools, { service, request: () => request });
  const answer = response.status === 200 ? jsonOf(response) : undefined;
  if (answer === undefined) throw explain(response, namespace, secret);
  const data = isJsonObject(answer.data) ? answer.data : {};
  if (answer.kind !== 'Secret') throw strangeAnswer(service, 'that is not a secret');
  return (field, missing) => {
    const value = data[field];
    if (value === undefined && missing !== undefined) return missing;
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(value)) {
      if (value === '' && missing !== undefined) return missing;
      throw new Failure(
        'kms-key',
        `The secret ${secret} in the namespace ${namespace} has no \`${field}\`.`,
        `Make the secret with \`cosign generate-key-pair k8s://${namespace}/${secret}\`.`,
      );
    }
    return Buffer.from(value, 'base64').toString('utf8');
  };
}

function explain(response: HttpResponse, namespace: string, secret: string): Failure {
  const { status } = response;
  if (status === 401) {
    return new Failure(
      'kms-credentials',
      'Kubernetes does not accept the credentials of this job, or they have expired.',
      `Log in shortly before this step:\n${kubernetesLoginStep}`,
    );
  }
  if (status === 403) {
    return new Failure(
      'kms-denied',
      `Kubernetes does not allow this job to read the secret ${secret} in the namespace ${namespace}.`,
      `Give its account a Role with \`resources: [secrets]\`, \`resourceNames: [${secret}]\`, \`verbs: [get]\` in that namespace, and a RoleBinding.`,
    );
  }
  if (status === 404) {
    return new Failure(
      'kms-key',
      `There is no secret ${secret} in the namespace ${namespace}.`,
      `Make it with \`cosign generate-key-pair k8s://${namespace}/${secret}\`, or check the context of the kubeconfig.`,
    );
  }
  return serviceFailed(service, status, word(jsonOf(response)?.reason), response.attempts);
}

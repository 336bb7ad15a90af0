// A Kubernetes API server with secrets, as its reference describes it: "Kubernetes API: Secret v1
// core, read", "API concepts" (Status objects), "Authenticating" (bearer tokens, client
// certificates), RBAC's words of refusal. TLS always, with an authority of its own.
import { X509Certificate } from 'node:crypto';
import { makeCertificates, type TestCertificates } from '../certificates.ts';
import { type Answered, type Asked, type Service, startService } from './service.ts';

export interface KubernetesOptions {
  /** `namespace/name` → data in plain text */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** the account may read only these secrets */
  readonly allowed?: readonly string[];
}

export interface FakeKubernetes extends Service {
  readonly certificates: TestCertificates;
  readonly token: string;
  readonly client: TestCertificates;
  /** a kubeconfig whose user has these fields; default: the token */
  kubeconfig(user?: object, cluster?: object): string;
}

export async function startKubernetes({
  secrets,
  allowed,
}: KubernetesOptions): Promise<FakeKubernetes> {
  const certificates = makeCertificates();
  const client = makeCertificates();
  const token = 'eyJhbGciOiJSUzI1NiJ9.c2FuZGJveC1rdWJlcm5ldGVz.c2FuZGJveC1zaWduYXR1cmU';
  const handle = async ({
    method,
    url,
    headers,
    peer,
  }: Asked): Promise<readonly [string, Answered]> => {
    const byCertificate = peer?.equals(new X509Certificate(client.cert).raw);
    if (headers.authorization !== `Bearer ${token}` && !byCertificate) {
      // Whoever brings no valid credentials is nobody; a wrong token is refused at once.
      if (headers.authorization !== undefined)
        return ['?', status(401, 'Unauthorized', 'Unauthorized')];
      return [
        '?',
        status(
          403,
          'Forbidden',
          'secrets is forbidden: User "system:anonymous" cannot get resource "secrets"',
        ),
      ];
    }
    const [, namespace, name] =
      /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/.exec(url.pathname) ?? [];
    if (method !== 'GET' || name === undefined)
      return ['?', status(404, 'NotFound', 'the server could not find the requested resource')];
    const key = `${namespace}/${name}`;
    if (allowed !== undefined && !allowed.includes(key)) {
      return [
        'get',
        status(
          403,
          'Forbidden',
          `secrets "${name}" is forbidden: User "system:serviceaccount:build:runner" cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
        ),
      ];
    }
    const found = secrets[key];
    if (found === undefined) return ['get', status(404, 'NotFound', `secrets "${name}" not found`)];
    const data = Object.fromEntries(
      Object.entries(found).map(([field, text]) => [field, Buffer.from(text).toString('base64')]),
    );
    return [
      'get',
      {
        status: 200,
        body: {
          kind: 'Secret',
          apiVersion: 'v1',
          metadata: { name, namespace, resourceVersion: '7' },
          immutable: true,
          data,
          type: 'Opaque',
        },
      },
    ];
  };
  const service = await startService(handle, certificates);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return Object.assign(service, {
    certificates,
    client,
    token,
    kubeconfig: (
      user: object = { token },
      cluster: object = { 'certificate-authority-data': base64(certificates.ca) },
    ) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'build',
        contexts: [
          { name: 'other', context: { cluster: 'x', user: 'x' } },
          { name: 'build', context: { cluster: 'c', user: 'u' } },
        ],
        clusters: [{ name: 'c', cluster: { server: service.origin, ...cluster } }],
        users: [{ name: 'u', user }],
      }),
  });
}

function status(code: number, reason: string, message: string): Answered {
  return {
    status: code,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      code,
    },
  };
}

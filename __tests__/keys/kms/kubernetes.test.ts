import { beforeAll, describe, expect, it } from 'vitest';
import { type FakeKubernetes, startKubernetes } from '../../sandbox/kms/kubernetes.ts';
import { cheapEncrypted, failureOf, freshKey } from '../samples.ts';
import { loadPublicKeys, signBy, tools } from './tools.ts';

const fresh = freshKey();
const password = 'correct horse battery';
let secrets: Record<string, Record<string, string>>;
beforeAll(async () => {
  const key = cheapEncrypted(fresh.privateKey.export({ type: 'pkcs8', format: 'der' }), password);
  secrets = {
    'build/cosign': { 'cosign.key': key, 'cosign.password': password, 'cosign.pub': fresh.spki },
    'build/plain': { 'cosign.key': fresh.pkcs8, 'cosign.password': '' },
    'build/other': { 'tls.key': 'x' },
  };
});

const reference = 'k8s://build/cosign';
const config = '/home/runner/.kube/config';
const machineFor = (text: string, more: object = {}) =>
  tools({ files: { [config]: text }, ...more });
const start = (allowed?: string[]) =>
  startKubernetes({ secrets, ...(allowed === undefined ? {} : { allowed }) });
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a Kubernetes secret', () => {
  it('signs, with the password that lies beside the key', async () => {
    await using cluster = await start();
    const machine = machineFor(cluster.kubeconfig());
    const signed = await signBy(reference, machine);
    expect(signed.valid).toBe(true);
    expect(signed.publicKey?.equals(fresh.publicKey)).toBe(true);
    expect(machine.masked).toEqual(expect.arrayContaining([cluster.token, password]));
    const body = String(secrets['build/cosign']?.['cosign.key']).split('\n')[1] as string;
    expect(machine.masked).toContain(body);
    expect(await signBy('k8s://build/plain', machineFor(cluster.kubeconfig()))).toMatchObject({
      valid: true,
    });
  });

  it('shows its public key', async () => {
    await using cluster = await start();
    const keys = await loadPublicKeys(reference, machineFor(cluster.kubeconfig()));
    expect(keys.map((key) => key.equals(fresh.publicKey))).toEqual([true]);
  });

  it.each<[string, (cluster: FakeKubernetes) => Parameters<typeof tools>[0]]>([
    [
      'a client certificate',
      (cluster) => ({
        files: {
          [config]: cluster.kubeconfig({
            'client-certificate-data': base64(cluster.client.cert),
            'client-key-data': base64(cluster.client.key),
          }),
        },
      }),
    ],
    [
      'files beside the kubeconfig',
      (cluster) => ({
        files: {
          [config]: cluster.kubeconfig(
            { 'client-certificate': 'c.crt', 'client-key': '/abs/c.key' },
            { 'certificate-authority': 'ca.crt' },
          ),
          '/home/runner/.kube/c.crt': cluster.client.cert,
          '/abs/c.key': cluster.client.key,
          '/home/runner/.kube/ca.crt': cluster.certificates.ca,
        },
      }),
    ],
    [
      'a token in a file, found by KUBECONFIG',
      (cluster) => ({
        env: { KUBECONFIG: '/missing:/two' },
        files: { '/two': cluster.kubeconfig({ tokenFile: '/t' }), '/t': `${cluster.token}\n` },
      }),
    ],
    [
      'a credential plugin',
      (cluster) => ({
        files: {
          [config]: cluster.kubeconfig({
            exec: {
              apiVersion: 'client.authentication.k8s.io/v1',
              command: 'aws',
              args: ['eks', 'get-token'],
              env: [{ name: 'A', value: 'b' }],
            },
          }),
        },
        programs: {
          aws: (args, env) => ({
            stdout: Buffer.from(
              args[0] === 'eks' &&
                env.A === 'b' &&
                JSON.parse(String(env.KUBERNETES_EXEC_INFO)).kind === 'ExecCredential'
                ? JSON.stringify({
                    kind: 'ExecCredential',
                    apiVersion: 'client.authentication.k8s.io/v1',
                    status: { token: cluster.token },
                  })
                : '',
            ),
          }),
        },
      }),
    ],
    [
      'the service account of a pod',
      (cluster) => ({
        env: {
          KUBERNETES_SERVICE_HOST: '127.0.0.1',
          KUBERNETES_SERVICE_PORT: new URL(cluster.origin).port,
        },
        files: {
          '/var/run/secrets/kubernetes.io/serviceaccount/token': cluster.token,
          '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt': cluster.certificates.ca,
        },
      }),
    ],
    [
      'a server that is not verified, because the kubeconfig says so',
      (cluster) => ({
        files: { [config]: cluster.kubeconfig(undefined, { 'insecure-skip-tls-verify': true }) },
      }),
    ],
  ])('is read with %s', async (_, machine) => {
    await using cluster = await start();
    const used = tools(machine(cluster));
    // Who logs in is the question here; opening an encrypted key takes 0.2 s, and has tests of its
    // own.
    expect(await signBy('k8s://build/plain', used)).toMatchObject({ valid: true });
    expect(
      used.masked.filter((text) => text === cluster.token || text === cluster.client.key).length,
    ).toBeGreaterThanOrEqual(1);
  });

  it('goes to no server that another authority vouches for', async () => {
    await using cluster = await start();
    const other = cluster.kubeconfig(undefined, {
      'certificate-authority-data': base64(cluster.client.ca),
    });
    expect(await failureOf(() => signBy(reference, machineFor(other)))).toMatchObject({
      code: 'network',
    });
    expect(
      await failureOf(() => signBy(reference, machineFor(cluster.kubeconfig(undefined, {})))),
    ).toMatchObject({ code: 'network' });
    expect(cluster.asked).toEqual([]);
  });

  it.each<
    [string, (cluster: FakeKubernetes) => Parameters<typeof tools>[0], string, string, string]
  >([
    ['no kubeconfig', () => ({}), reference, 'kms-credentials', 'no kubeconfig on this runner'],
    [
      'a KUBECONFIG that is not there',
      () => ({ env: { KUBECONFIG: '/x' } }),
      reference,
      'kms-credentials',
      'cannot be read',
    ],
    [
      'a token that is not known',
      (cluster) => ({ files: { [config]: cluster.kubeconfig({ token: 'wrong-token' }) } }),
      reference,
      'kms-credentials',
      'does not accept',
    ],
    [
      'an account that may not',
      (cluster) => ({ files: { [config]: cluster.kubeconfig() } }),
      'k8s://kube-system/cosign',
      'kms-denied',
      'does not allow',
    ],
    [
      'a secret that is not there',
      (cluster) => ({ files: { [config]: cluster.kubeconfig() } }),
      'k8s://build/missing',
      'kms-key',
      'no secret missing',
    ],
    [
      'a secret without a key',
      (cluster) => ({ files: { [config]: cluster.kubeconfig() } }),
      'k8s://build/other',
      'kms-key',
      'has no `cosign.key`',
    ],
    [
      'a context that is not there',
      (cluster) => ({
        files: {
          [config]: cluster
            .kubeconfig()
            .replace('"current-context":"build"', '"current-context":"x"'),
        },
      }),
      reference,
      'kms-credentials',
      'has no context',
    ],
    [
      'a user without credentials',
      (cluster) => ({ files: { [config]: cluster.kubeconfig({}) } }),
      reference,
      'kms-credentials',
      'no token',
    ],
    [
      'a plugin that is not there',
      (cluster) => ({
        files: { [config]: cluster.kubeconfig({ exec: { command: 'gke-gcloud-auth-plugin' } }) },
      }),
      reference,
      'kms-credentials',
      'gke-gcloud-auth-plugin',
    ],
    [
      'a kubeconfig that is no YAML',
      () => ({ files: { [config]: 'a: [secret-token' } }),
      reference,
      'kms-credentials',
      'is not YAML',
    ],
  ])('says what to do about %s', async (_, machine, text, code, words) => {
    await using cluster = await start(['build/cosign', 'build/other', 'build/missing']);
    const failure = await failureOf(() => signBy(text, tools(machine(cluster))));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(words);
    expect(`${failure.message}${failure.fix}${failure.cause}`).not.toContain(cluster.token);
  });

  it.each([
    'k8s://',
    'k8s://build',
    'k8s://build/',
    'k8s://build/a/b',
    'k8s://../x',
    'k8s://Build/x',
    'k8s://build/x?y',
  ])('does not know the reference %s', async (text) => {
    expect(await failureOf(() => signBy(text, tools({})))).toMatchObject({ code: 'bad-key' });
  });
});

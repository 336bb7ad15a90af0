// Signatures and attestations in a repository of their own, through the actions as they ship.
import { describe, expect, it, onTestFinished } from 'vitest';
import { attestationsIn } from '../attest-action/attested.ts';
import { command } from '../command/command.ts';
import { itInWhole, sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type RegistryOptions, startRegistry } from '../sandbox/registry.ts';
import { contentOf, keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { type SignedOptions, signed } from './signed.ts';

const [key, otherKey] = [makeKey(), makeKey()];
const publicKey = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const app = 'acme/app';
const place = 'acme/signatures';
const both = [
  ['bundle', 'verified', true],
  ['legacy', 'verified', true],
];

async function started(options: RegistryOptions = {}) {
  const registry = await startRegistry(options);
  onTestFinished(() => registry.close());
  return registry;
}

const gate = (inputs: Record<string, string>, options: SignedOptions = {}) =>
  signed({ key: publicKey, tlog: 'ignore', ...inputs }, { entry: 'dist/verify.js', ...options });

describe.each(sampled([true, false], ['false']))('with the referrers API: %s', (referrersApi) => {
  const world = () => started({ referrersApi });

  it('a signature is written, read back, found again and verified there; the image stays as it was', async () => {
    const { host, store, requests } = await world();
    const image = await pushImage(host, app, { platforms: 2 });
    const there = `${host}/${place}`;
    const before = contentOf(store, app);
    const inputs = keyedInputs(image.reference, key, {
      'signature-repository': there,
      recursive: 'true',
    });
    const first = await signed(inputs);
    expect(first, first.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(first.results).toHaveLength(3);
    for (const { digest, signatures } of first.results) {
      const found = storedSignatures(store, place, digest ?? '', [key], referrersApi);
      expect(found.map(({ format, verdict, listed }) => [format, verdict, listed])).toEqual(both);
      expect(signatures.map(({ reference }) => reference.split(/@|:sha256-/)[0])).toEqual([
        there,
        there,
      ]);
    }
    expect(contentOf(store, app)).toEqual(before);
    // It is the image that is signed, and its name that is said.
    const sig = store.json(place, `${image.digest.replace(':', '-')}.sig`) as {
      layers: { digest: string }[];
    };
    const payload = String(store.find(place)?.blobs.get(sig.layers[0]?.digest ?? ''));
    expect(JSON.parse(payload).critical.identity).toEqual({ 'docker-reference': `${host}/${app}` });

    requests.length = 0;
    const again = await signed(inputs);
    expect(again.results.map(({ status }) => status)).toEqual(Array(3).fill('already-signed'));
    expect(requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);

    const asked = { images: image.reference, recursive: 'true' };
    const found = await gate({ ...asked, 'signature-repository': there });
    expect(found, found.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const beside = await gate(asked);
    expect(beside.outputs.verified).toBe('false');
    expect(JSON.parse(beside.outputs.results ?? '')[0].code).toBe('unsigned');
  });

  it('an attestation, by the variable of cosign', async () => {
    const { host, store } = await world();
    const image = await pushImage(host, app);
    const env = { COSIGN_REPOSITORY: `${host}/${place}` };
    const predicate = { 'predicate-type': 'https://a.example/scan/v1', predicate: '{"a":1}' };
    const before = contentOf(store, app);
    const run = await signed(keyedInputs(image.reference, key, predicate), {
      entry: 'dist/attest.js',
      env,
    });
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(attestationsIn(store, place, image.digest).map(({ format }) => format)).toEqual([
      'bundle',
      'legacy',
    ]);
    expect(contentOf(store, app)).toEqual(before);
    const asked = {
      images: image.reference,
      'attestation-type': predicate['predicate-type'],
      signature: 'ignore',
    };
    expect((await gate(asked, { env })).outputs.verified).toBe('true');
    const beside = await gate(asked, { env: { COSIGN_REPOSITORY: ' ' } });
    expect(beside.outputs.verified).toBe('false');
    expect(beside.shown).not.toContain(place);
  });
});

describe('who verifies is told', () => {
  it('the place: by log, summary, policies and commands', async () => {
    const { host } = await started();
    const image = await pushImage(host, app);
    const there = `${host}/${place}`;
    const run = await signed(keyedInputs(image.reference, key, { 'signature-repository': there }));
    expect(run.shown).toContain(`signed (bundle and legacy) in ${there}`);
    expect(run.summary).toContain(`Signatures in <code>${there}</code>`);
    expect(run.summary).toContain(`COSIGN_REPOSITORY=${there} \\\n  cosign verify`);
    expect(run.summary).toContain(`signature-repository: &quot;${there}&quot;`);
    const policy = (name: string) =>
      String([...run.files].find(([path]) => path.endsWith(name))?.[1]);
    expect(policy('kyverno-cluster-policy.yaml')).toContain(`repository: "${there}"`);
    expect(policy('cluster-image-policy.yaml')).toContain(`- oci: "${there}"`);
    // What was written for the cluster is enough for the gate as well.
    for (const name of ['cluster-image-policy.yaml', 'kyverno-image-validating-policy.yaml']) {
      const workspace = { 'policy.yaml': policy(name) };
      const judged = await signed(
        { images: image.reference, policy: 'policy.yaml', tlog: 'ignore' },
        { entry: 'dist/verify.js', workspace },
      );
      expect(judged.outputs.verified, judged.shown).toBe('true');
    }
  });

  it('and a policy that does not say it is told apart from the cluster', async () => {
    const { host } = await started();
    const image = await pushImage(host, app);
    const there = `${host}/${place}`;
    await signed(keyedInputs(image.reference, key, { 'signature-repository': there }));
    const policy = `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: p}
spec:
  images: [{glob: "**"}]
  authorities:
    - name: a
      key:
        data: |
          ${publicKey.trim().replaceAll('\n', '\n          ')}
`;
    const judge = (text: string) =>
      signed(
        { images: image.reference, policy: 'p.yaml', 'signature-repository': there },
        { entry: 'dist/verify.js', workspace: { 'p.yaml': text } },
      );
    const open = await judge(policy);
    expect(open.outputs.verified, open.shown).toBe('true');
    expect(open.annotations).toMatchObject([
      {
        kind: 'notice',
        message: expect.stringContaining('a cluster with this policy looks beside'),
      },
    ]);
    // What the policy says counts, as it does there.
    const other = `      source: [{oci: "${host}/acme/others"}]\n`;
    const said = await judge(policy.replace('      key:\n', `${other}      key:\n`));
    expect(said.annotations.filter(({ kind }) => kind === 'notice')).toEqual([]);
    expect(JSON.parse(said.outputs.results ?? '')).toMatchObject([
      { verified: false, code: 'unsigned', reason: expect.stringContaining(`${host}/acme/others`) },
    ]);
  });
});

itInWhole('the repository of the image itself is no other place', async () => {
  const { host } = await started();
  const image = await pushImage(host, app);
  const run = await signed(
    keyedInputs(image.reference, key, { 'signature-repository': `${host}/${app}` }),
  );
  expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  expect(run.summary).not.toMatch(/COSIGN_REPOSITORY|Signatures in/);
  expect(
    [...run.files.keys()].filter((path) => path.endsWith('containers-policy.json')),
  ).toHaveLength(1);
  expect(await gate({ images: image.reference })).toMatchObject({ code: 0 });
});

describe('several images', () => {
  it('of several registries share one repository, and one digest in two is two claims', async () => {
    const [one, two] = [await started(), await started()];
    const there = `${two.host}/${place}`;
    const images = [
      await pushImage(one.host, app),
      await pushImage(two.host, 'mirror/app'),
      await pushImage(two.host, 'acme/tool', { seed: 2 }),
    ];
    expect(images[0]?.digest).toBe(images[1]?.digest);
    const references = images.map(({ reference }) => reference);
    const asked = { 'signature-repository': there };
    expect((await signed(keyedInputs(references[0] ?? '', key, asked))).code).toBe(0);
    // What is there already calls the image by its other name.
    const inputs = keyedInputs(references, key, asked);
    const first = await signed(inputs);
    expect(first, first.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const tag = `${images[0]?.digest.replace(':', '-')}.sig`;
    const { layers } = two.store.json(place, tag) as { layers: { digest: string }[] };
    const names = layers.map(
      ({ digest }) =>
        JSON.parse(String(two.store.find(place)?.blobs.get(digest))).critical.identity[
          'docker-reference'
        ],
    );
    expect(names.sort()).toEqual([`${one.host}/${app}`, `${two.host}/mirror/app`].sort());
    const again = await signed(inputs);
    expect(again.results.map(({ status }) => status)).toEqual(Array(3).fill('already-signed'));
    const judged = await gate({ images: references.join('\n'), 'signature-repository': there });
    expect(judged.outputs.verified, judged.shown).toBe('true');
  });

  it('signed at once by several steps all keep their signatures', async () => {
    const { host, store } = await started();
    const image = await pushImage(host, app);
    const there = { 'signature-repository': `${host}/${place}` };
    const keys = [key, otherKey, makeKey()];
    const runs = await Promise.all(
      keys.map((each) => signed(keyedInputs(image.reference, each, there))),
    );
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    const found = storedSignatures(store, place, image.digest, keys, false);
    expect(found.map(({ verdict, listed }) => [verdict, listed])).toEqual(
      Array(6).fill(['verified', true]),
    );
  });
});

describe('logins', () => {
  const account = { username: 'ci', password: 'the-password-of-ci' };
  const writer = { username: 'signer', password: 'the-password-of-signer' };
  const login = { 'registry-username': account.username, 'registry-password': account.password };
  const dockerLogins = (logins: Readonly<Record<string, typeof account>>) => ({
    '.docker/config.json': JSON.stringify({
      auths: Object.fromEntries(
        Object.entries(logins).map(([name, { username, password }]) => [
          name,
          { auth: Buffer.from(`${username}:${password}`).toString('base64') },
        ]),
      ),
    }),
  });

  it('the inputs are for the registry of the images; the other one gets its docker login', async () => {
    const own = await started({ auth: { kind: 'token', accounts: [account] } });
    const other = await started({ auth: { kind: 'token', accounts: [writer] } });
    const image = await pushImage(own.host, app, { credentials: account });
    const inputs = keyedInputs(image.reference, key, {
      ...login,
      'signature-repository': `${other.host}/${place}`,
    });
    const run = await signed(inputs, {
      home: dockerLogins({ [other.host]: writer }),
    });
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    // Without that login the password of the inputs is not tried there.
    other.requests.length = 0;
    const without = await signed(inputs);
    expect(without, without.shown).toMatchObject({ code: 1, errorCodes: ['registry-denied'] });
    expect(new Set(other.requests.map(({ authorization }) => authorization))).toEqual(
      new Set(['none']),
    );
    expect(without.results[0]?.error?.message).toContain(other.host);
  });

  it.each(sampled(['reduce', 'refuse'], ['refuse']))(
    'one that may only read the image is enough (a token service that would %s more)',
    async (excess) => {
      const reader = { ...account, actions: ['pull'] as const, repositories: [app] };
      const accounts = [reader, { ...writer, repositories: [place] }];
      const { host, store } = await started({ auth: { kind: 'token', excess, accounts } });
      const home = dockerLogins({ [`${host}/${app}`]: account, [`${host}/${place}`]: writer });
      await using open = await startRegistry();
      const image = await pushImage(open.host, app);
      const { blobs, manifests } = open.store.open(app);
      for (const bytes of blobs.values()) store.addBlob(app, bytes);
      for (const { bytes, mediaType } of manifests.values())
        store.addManifest(app, bytes, mediaType);
      const inputs = keyedInputs(`${host}/${app}@${image.digest}`, key, {
        'signature-repository': `${host}/${place}`,
      });
      const run = await signed(inputs, { home });
      expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      const beside = await signed({ ...inputs, 'signature-repository': '' }, { home });
      expect(beside, beside.shown).toMatchObject({ code: 1, errorCodes: ['registry-denied'] });
    },
  );
});

describe('a repository whose tags cannot be moved', () => {
  it('takes one signature; the next is told of `signature-repository`, and fits there', async () => {
    const { host, store } = await started({
      immutableTags: {
        ...{ status: 409, code: 'TAG_INVALID', message: 'tags are immutable' },
        sameAgain: 'taken',
      },
    });
    const image = await pushImage(host, app);
    const other = await started();
    expect((await signed(keyedInputs(image.reference, key))).code).toBe(0);
    const second = await signed(keyedInputs(image.reference, otherKey));
    expect(second, second.shown).toMatchObject({ code: 1, errorCodes: ['immutable-tag'] });
    expect(second.results[0]?.error?.fix).toContain('`signature-repository: ');
    const before = contentOf(store, app);
    const there = { 'signature-repository': `${other.host}/${place}` };
    for (const each of [key, otherKey]) {
      const run = await signed(keyedInputs(image.reference, each, there));
      expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    }
    expect(contentOf(store, app)).toEqual(before);
  });
});

describe('slips', () => {
  it.each(
    sampled(
      [
        ['ghcr.io', 'it has no slash'],
        ['ghcr.io/acme/signatures:v1', 'it has a tag or a digest'],
        ['https://ghcr.io/acme/signatures', 'it starts with a scheme'],
        ['localhost/signatures', 'cosign reads it as a repository on Docker Hub'],
        ['ghcr.io/Acme/signatures', 'a repository is written in lower case'],
        ['ghcr.io/a/b\nghcr.io/c/d', 'it has several lines'],
      ],
      ['ghcr.io'],
    ),
  )('%s is no place', async (text, problem) => {
    const run = await signed(keyedInputs('ghcr.io/acme/app:1', key), {
      env: { COSIGN_REPOSITORY: text },
      hostile: true,
    });
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-reference'] });
    expect(run.shown).toContain(problem);
  });

  it('an image that is not there is not signed', async () => {
    const { host, store } = await started();
    const run = await signed(
      keyedInputs(`${host}/${app}@sha256:${'a'.repeat(64)}`, key, {
        'signature-repository': `${host}/${place}`,
      }),
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['image-not-found'] });
    expect(store.find(place)?.manifests.size ?? 0).toBe(0);
  });
});

itInWhole('the command has the flag, and prints how to verify', async () => {
  const { host } = await started();
  const image = await pushImage(host, app);
  const there = `${host}/${place}`;
  const flags = ['--images', image.reference, '--signature-repository', there];
  const files = { 'k.pem': key.pem, 'k.pub': publicKey };
  const sign = await command(['sign', ...flags, '--key', 'k.pem', '--tlog=false'], {
    files,
  });
  expect(sign.code, sign.stderr).toBe(0);
  expect(sign.stderr).toContain(`--signature-repository ${there}`);
  const verify = await command(['verify', ...flags, '--key', 'k.pub', '--tlog', 'ignore'], {
    files,
  });
  expect(verify.code, verify.stderr).toBe(0);
});

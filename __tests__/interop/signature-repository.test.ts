// Signatures in a repository of their own: real cosign 2 and 3 with COSIGN_REPOSITORY find what we
// write there, we find what they write, and nobody finds it beside the image.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatRepository, parseRepository } from '../../src/image/reference.ts';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { type KeylessWorld, realWorld, signKeyless } from '../sign-action/keyless-world.ts';
import {
  cosign2,
  cosign3,
  keyPassword,
  need,
  type Ran,
  startDockerRegistry,
  temporaryFolder,
} from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let docker: { host: string; stop: () => void };
let world: KeylessWorld;

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  docker = await startDockerRegistry(folder);
  world = await realWorld();
  const prefix = join(folder, 'own');
  expect(await cosign3(['generate-key-pair', '--output-key-prefix', prefix])).toMatchObject({
    code: 0,
  });
  await writeFile(join(folder, 'predicate.json'), '{"a":1}');
  const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
  const config = { mediaType, rekorTlogConfig: {}, tsaConfig: {} };
  await writeFile(join(folder, 'none.json'), JSON.stringify(config));
});
afterAll(async () => {
  docker?.stop();
  await world?.close();
  await cleanUp?.();
});

const hosts = {
  'docker-registry 2.8': () => docker.host,
  'a registry with the referrers API': () => need('REGISTRY_REFERRERS'),
};
const names = Object.keys(hosts) as (keyof typeof hosts)[];
const type = 'https://a.example/scan/v1';
const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });
const notFound = (ran: Ran) => {
  expect(ran.code).not.toBe(0);
  expect(ran.output).toMatch(/no (matching |valid )?(signatures|attestations|bundles)|not found/i);
};
let counter = 0;

/** An image, and a place for its signatures in another repository. */
async function pushed(name: keyof typeof hosts, platforms = 0) {
  const host = hosts[name]();
  const own = `interop/place-${process.pid}-${counter++}`;
  const image = await pushImage(host, `${own}/app`, { platforms });
  const place = `${host}/${own}/signatures`;
  return { host, own, image, place, env: { COSIGN_REPOSITORY: place } };
}

const keyed = async (entry: string, inputs: Record<string, string>) => {
  const key = await readFile(join(folder, 'own.key'), 'utf8');
  const run = await runAction({
    entry,
    inputs: { key, 'key-password': keyPassword, tlog: 'false', ...inputs },
  });
  expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  return run;
};
const gate = async (inputs: Record<string, string>) =>
  runAction({
    entry: 'dist/verify.js',
    inputs: {
      key: await readFile(join(folder, 'own.pub'), 'utf8'),
      tlog: 'ignore',
      fail: 'false',
      ...inputs,
    },
  });
const byKey = () => ['--key', join(folder, 'own.pub'), '--insecure-ignore-tlog=true'];

describe.each(names)('on %s', (name) => {
  it.each([
    ['cosign 2', 'legacy', cosign2],
    ['cosign 3', 'bundle', cosign3],
    ['cosign 3', 'legacy', cosign3],
  ] as const)('%s finds what we write (%s), and only there', async (_, format, cosign) => {
    const { image, place, env } = await pushed(name, 2);
    const inputs = { images: image.reference, 'signature-repository': place, format };
    await keyed('dist/sign.js', { ...inputs, recursive: 'true' });
    await keyed('dist/attest.js', { ...inputs, 'predicate-type': type, predicate: '{"a":1}' });
    for (const digest of [image.digest, ...image.platforms.map((one) => one.digest)]) {
      const verify = ['verify', ...byKey(), image.reference.replace(image.digest, digest)];
      accepted(await cosign(verify, env));
      notFound(await cosign(verify));
    }
    const attested = ['verify-attestation', ...byKey(), '--type', type, image.reference];
    accepted(await cosign(attested, env));
    notFound(await cosign(attested));
  });

  const signers = [
    ['cosign 2', cosign2, ['--tlog-upload=false']],
    ['cosign 3, bundle', cosign3, ['--signing-config', 'none.json']],
    [
      'cosign 3, legacy',
      cosign3,
      ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'],
    ],
  ] as const;

  it.each(signers)('we find what %s writes, and only there', async (_, cosign, flags) => {
    const { image, place, env } = await pushed(name);
    const with_ = [
      ...['--yes', '--key', join(folder, 'own.key')],
      ...flags.map((flag) => (flag === 'none.json' ? join(folder, flag) : flag)),
    ];
    accepted(await cosign(['sign', ...with_, image.reference], env));
    const predicate = ['--type', type, '--predicate', join(folder, 'predicate.json')];
    accepted(await cosign(['attest', ...with_, ...predicate, image.reference], env));
    const asked = { images: image.reference, 'attestation-type': type };
    const there = await gate({ ...asked, 'signature-repository': place });
    expect(there.outputs.verified, there.shown).toBe('true');
    const beside = await gate(asked);
    expect(beside.outputs.verified).toBe('false');
    // And ours joins theirs.
    await keyed('dist/sign.js', {
      images: image.reference,
      'signature-repository': place,
      annotations: 'by=us',
    });
    for (const [program, more] of [
      [cosign, []],
      [cosign3, ['-a', 'by=us']],
    ] as const)
      accepted(await program(['verify', ...byKey(), ...more, image.reference], env));
  });

  it('what is promoted from there, cosign finds beside the image at the target', async () => {
    const { host, own, image, place, env } = await pushed(name, 2);
    for (const [cosign, flags] of [
      [cosign2, ['--tlog-upload=false']],
      [cosign3, ['--signing-config', join(folder, 'none.json')]],
    ] as const) {
      const with_ = ['sign', '--yes', '--recursive', '--key', join(folder, 'own.key'), ...flags];
      accepted(await cosign([...with_, image.reference], env));
    }
    const promote = async (inputs: Record<string, string>) => {
      const run = await runAction({
        entry: 'dist/promote.js',
        inputs: {
          images: image.reference,
          key: await readFile(join(folder, 'own.pub'), 'utf8'),
          tlog: 'ignore',
          recursive: 'true',
          'signature-repository': place,
          ...inputs,
        },
      });
      expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    };
    await promote({ to: `${host}/${own}/prod:v1` });
    for (const cosign of [cosign2, cosign3])
      accepted(await cosign(['verify', ...byKey(), `${host}/${own}/prod:v1`]));
    // Or in a repository of the target's own.
    const clean = `${host}/${own}/clean:v1`;
    const there = { COSIGN_REPOSITORY: `${host}/${own}/kept` };
    await promote({ to: clean, 'to-signature-repository': there.COSIGN_REPOSITORY });
    for (const cosign of [cosign2, cosign3]) {
      accepted(await cosign(['verify', ...byKey(), clean], there));
      notFound(await cosign(['verify', ...byKey(), clean]));
    }
  });
});

describe.each(['with the referrers API', 'without the referrers API'] as const)(
  'keyless, in a registry %s',
  (kind) => {
    it('both find what we write, and the command of the summary is carried out', async () => {
      const own = `interop/place-${process.pid}-${counter++}`;
      const { reference } = await pushImage(world.registries[kind], `${own}/app`);
      const place = `${world.registries[kind]}/${own}/signatures`;
      const run = await signKeyless(world, reference, {
        config: 'v1',
        inputs: { 'signature-repository': place },
      });
      expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      const { certificateIdentity, issuer } = world.sigstore;
      const who = [
        ...['--certificate-identity', certificateIdentity, '--certificate-oidc-issuer', issuer],
        '--allow-http-registry',
      ];
      const env = { COSIGN_REPOSITORY: place };
      const for2 = ['verify', ...who, '--rekor-url', need('REKOR_URL'), reference];
      accepted(await cosign2(for2, env));
      notFound(await cosign2(for2));
      const [, variable, command = ''] =
        /<pre>COSIGN_REPOSITORY=(\S+) \\\n\s+cosign (verify [\s\S]*?)<\/pre>/.exec(run.summary) ??
        [];
      expect(variable, run.summary).toBe(place);
      const words = command
        .replaceAll('\\\n', ' ')
        .split(/\s+/)
        .map((word) => (word === 'trusted_root.json' ? need('TRUSTED_ROOT') : word));
      accepted(await cosign3([...words, '--allow-http-registry'], { COSIGN_REPOSITORY: variable }));
      notFound(await cosign3([...words, '--allow-http-registry']));
    });
  },
);

// cosign prints where it would look, and asks nobody for it.
it.each([
  'ghcr.io/acme/signatures',
  'kong/notary',
  'docker.io/kong/notary',
  'index.docker.io/kong/notary',
  '127.0.0.1:5000/signatures',
  'localhost:5000/acme/signatures',
])('cosign and we mean one repository by %s', async (text) => {
  const image = `ghcr.io/acme/app@sha256:${'a'.repeat(64)}`;
  const hub = (name: string) => name.replace(/^docker\.io/, 'index.docker.io');
  for (const cosign of [cosign2, cosign3]) {
    const { output } = await cosign(['triangulate', image], { COSIGN_REPOSITORY: text });
    const place = /^(\S+):sha256-/m.exec(output)?.[1];
    expect(place).toBe(hub(formatRepository(parseRepository(text, 'test'))));
  }
});

it('what cosign would read on Docker Hub, and nobody means, we refuse', async () => {
  const image = `ghcr.io/acme/app@sha256:${'a'.repeat(64)}`;
  for (const text of ['ghcr.io', 'localhost/signatures', 'signatures']) {
    const { output } = await cosign3(['triangulate', image], { COSIGN_REPOSITORY: text });
    expect(output).toContain('index.docker.io/');
    expect(() => parseRepository(text, 'test')).toThrow('is not the name of a repository');
  }
});

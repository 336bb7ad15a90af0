// What we write, the products it is written for would take: skopeo copies by it what the gate admits,
// and nothing else; kubectl reads it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDigest } from '../../src/image/digest.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { waysOfSigning } from '../policies/signed.ts';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { cosign2, need, run, skopeo, startDockerRegistry, temporaryFolder } from './peers.ts';

describe('kubectl with the policies that are written', () => {
  it.each(waysOfSigning)('reads those for %s', async (_, signing) => {
    const { folder, remove } = await temporaryFolder();
    try {
      const files = Object.entries(writePolicies(signing)).filter(([name]) =>
        /^(kyverno|cluster-image|openshift|flux).*yaml$/.test(name),
      );
      for (const [name, text] of files) {
        await writeFile(join(folder, name), text);
        const read = await run(process.env.KUBECTL ?? 'kubectl', [
          ...['label', '--local', '-f', join(folder, name), 'read=yes', '-o', 'json'],
        ]);
        expect(read, name).toMatchObject({ code: 0 });
        const documents = parseAllDocuments(text).map((one) => one.toJS());
        const kinds = read.output.match(/^ {4}"kind": "\w+"/gm) ?? [];
        expect(kinds.map((kind) => /\w+(?="$)/.exec(kind)?.[0])).toEqual(
          documents.map(({ kind }) => kind),
        );
      }
    } finally {
      await remove();
    }
  });
});

describe('skopeo with the policy that is written', () => {
  let folder: string;
  let cleanUp: () => Promise<void>;
  let registry: { host: string; stop: () => void };
  beforeAll(async () => {
    ({ folder, remove: cleanUp } = await temporaryFolder());
    registry = await startDockerRegistry(folder);
    for (const name of ['own', 'stranger']) {
      expect(
        await cosign2(['generate-key-pair', '--output-key-prefix', join(folder, name)]),
      ).toMatchObject({ code: 0 });
    }
  });
  afterAll(async () => {
    registry?.stop();
    await cleanUp?.();
  });

  it('copies what was signed with the key, and nothing else', async () => {
    const { host } = registry;
    const images: Record<string, string> = {};
    for (const [name, key] of [
      ['acme/app', 'own'],
      ['acme/strange', 'stranger'],
      ['acme/other', 'own'],
      ['acme/unsigned', undefined],
    ] as const) {
      images[name] = (await pushImage(host, name, { seed: name, tag: 'v1' })).digest;
      if (key === undefined) continue;
      const reference = `${host}/${name}@${images[name]}`;
      const options = [
        '--yes',
        '--tlog-upload=false',
        '--allow-http-registry',
        '--key',
        join(folder, `${key}.key`),
      ];
      expect(await cosign2(['sign', ...options, reference])).toMatchObject({ code: 0 });
    }
    const files = writePolicies({
      images: ['acme/app', 'acme/strange', 'acme/unsigned'].map((repository) => ({
        name: { registry: host, repository },
        digest: parseDigest(images[repository] as string),
        references: [],
      })),
      signer: { publicKeyPem: await readFile(join(folder, 'own.pub'), 'utf8') },
      formats: ['legacy'],
      tlog: false,
      timestamp: false,
      annotations: {},
    });
    const copy = await enforcer(files, 'key');
    const outcomes = await Promise.all(
      Object.keys(images).map(async (name) => [name, (await copy(name)).code] as const),
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      'acme/app': 0,
      'acme/strange': expect.toSatisfy((code: number) => code !== 0),
      'acme/other': expect.toSatisfy((code: number) => code !== 0),
      'acme/unsigned': expect.toSatisfy((code: number) => code !== 0),
    });
    const { output } = await copy('acme/strange');
    expect(output).toMatch(
      /cryptographic signature verification failed|invalid signature|Source image rejected/,
    );
  });

  it('is what the commands in verify.md repeat: cosign accepts the one, and no other', async () => {
    const digest = parseDigest(
      (await pushImage(registry.host, 'acme/app', { seed: 'acme/app', tag: 'v1' })).digest,
    );
    const signing = {
      images: [
        { name: { registry: registry.host, repository: 'acme/app' }, digest, references: [] },
      ],
      signer: { publicKeyPem: await readFile(join(folder, 'own.pub'), 'utf8') },
      formats: ['legacy'],
      tlog: false,
      timestamp: false,
      annotations: {},
    } as const;
    const command =
      /```sh\n(cosign verify[\s\S]*?)\n```/.exec(writePolicies(signing)['verify.md'] ?? '')?.[1] ??
      '';
    const verify = (key: string) =>
      run('/bin/sh', [
        '-c',
        command.replace(/^cosign/, '"$COSIGN2"').replace('cosign.pub', join(folder, `${key}.pub`)),
      ]);
    expect(await verify('own')).toMatchObject({ code: 0 });
    expect(await verify('stranger')).not.toMatchObject({ code: 0 });
  });

  it('copies what a person signed with Fulcio, and not what another one did', async () => {
    const root = { json: await readFile(need('TRUSTED_ROOT'), 'utf8') };
    const images: Record<string, string> = {};
    for (const [name, email] of [
      ['person/app', 'someone@acme.example'],
      ['person/strange', 'stranger@acme.example'],
    ] as const) {
      images[name] = (await pushImage(registry.host, name, { seed: name, tag: 'v1' })).digest;
      const services = [
        '--fulcio-url',
        need('FULCIO_URL'),
        '--rekor-url',
        need('REKOR_URL'),
        '--identity-token',
        await tokenOf(email),
      ];
      const reference = `${registry.host}/${name}@${images[name]}`;
      expect(
        await cosign2(['sign', '--yes', '--allow-http-registry', ...services, reference]),
      ).toMatchObject({ code: 0 });
    }
    const files = writePolicies({
      images: Object.entries(images).map(([repository, digest]) => ({
        name: { registry: registry.host, repository },
        digest: parseDigest(digest),
        references: [],
      })),
      signer: { identity: 'someone@acme.example', issuer: need('OIDC_EMAIL_URL') },
      formats: ['legacy'],
      tlog: true,
      timestamp: false,
      annotations: {},
      privateSigstore: {
        trustedRoot: { parsed: parseTrustedRoot(Buffer.from(root.json)), json: root.json },
      },
    });
    const copy = await enforcer(files, 'fulcio');
    expect(await copy('person/app')).toMatchObject({ code: 0 });
    const stranger = await copy('person/strange');
    expect(stranger.code).not.toBe(0);
    expect(stranger.output).toContain('stranger@acme.example');
  });

  it('and the gate say the same to every policy.json', async () => {
    const { host } = registry;
    const [own = '', stranger = ''] = await Promise.all(
      ['own', 'stranger'].map((name) => readFile(join(folder, `${name}.pub`), 'utf8')),
    );
    const { digest } = await pushImage(host, 'acme/app', { seed: 'acme/app', tag: 'v1' });
    // With its signature, which goes on to call it acme/app.
    const signature = `${digest.replace(':', '-')}.sig`;
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    for (const tag of ['v1', signature])
      expect(
        await skopeo([
          ...['--insecure-policy', 'copy', ...tls],
          ...[`docker://${host}/acme/app:${tag}`, `docker://${host}/acme/moved:${tag}`],
        ]),
      ).toMatchObject({ code: 0 });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const by = (identity: object | undefined, change: object = {}) => [
      { type: 'sigstoreSigned', keyData: base64(own), signedIdentity: identity, ...change },
    ];
    const inRepository = { type: 'matchRepository' };
    const docker = (scopes: object, byDefault: unknown = [{ type: 'reject' }]) => ({
      default: byDefault,
      transports: { docker: scopes },
    });
    const app = `${host}/acme/app`;
    const accept = [{ type: 'insecureAcceptAnything' }];
    const policies: Readonly<Record<string, object>> = {
      'a registry': docker({ [host]: by(inRepository) }),
      'a folder': docker({ [`${host}/acme`]: by(inRepository) }),
      'a repository': docker({ [app]: by(inRepository) }),
      'a tag': docker({ [`${app}:v1`]: by(inRepository) }),
      'a digest': docker({ [`${app}@${digest}`]: by(inRepository) }),
      'no such folder': docker({ [`${host}/ac`]: by(inRepository) }),
      'the transport': docker({ '': by(inRepository), [app]: [{ type: 'reject' }] }),
      'the default': docker({ [app]: by(inRepository) }, accept),
      'no identity': docker({ [host]: by(undefined) }),
      'an exact identity': docker({ [host]: by({ type: 'matchExact' }) }),
      'this repository': docker({
        [host]: by({ type: 'exactRepository', dockerRepository: app }),
      }),
      'this image': docker({
        [host]: by({ type: 'exactReference', dockerReference: `${app}:v1` }),
      }),
      'a mirror': docker({
        [host]: by({ type: 'remapIdentity', prefix: `${host}/acme`, signedPrefix: 'quay.io/a' }),
      }),
      'one of two keys': docker({
        [host]: by(inRepository, {
          keyData: undefined,
          keyDatas: [base64(stranger), base64(own)],
        }),
      }),
      'a key in a file': docker({
        [host]: by(inRepository, { keyData: undefined, keyPath: join(folder, 'own.pub') }),
      }),
      'two requirements': docker({
        [host]: [...by(inRepository), ...by(inRepository, { keyData: base64(stranger) })],
      }),
      'both of one key': docker({ [host]: [...by(inRepository), ...by(inRepository)] }),
      'a requirement and none': docker({ [host]: [...by(inRepository), ...accept] }),
      'an unknown field': docker({ [host]: by(inRepository, { keydata: 'x' }) }),
      'an unknown requirement': docker({ [host]: [{ type: 'signedByMe' }] }),
    };
    const images = ['acme/app', 'acme/moved', 'acme/strange', 'acme/unsigned'].flatMap((name) =>
      name === 'acme/app' ? [`${name}:v1`, `${name}@${digest}`] : [`${name}:v1`],
    );
    for (const [name, policy] of Object.entries(policies)) {
      const text = JSON.stringify(policy);
      const files = {
        'containers-policy.json': text,
        'registries.d/sign-image.yaml': `docker: {"${host}": {use-sigstore-attachments: true}}\n`,
      };
      const copy = await enforcer(files, name.replaceAll(' ', '-'));
      const both = await Promise.all(
        images.map(async (image) => {
          const copied = await copy(image);
          const gate = await runAction({
            entry: 'dist/verify.js',
            workspace: { 'policy.json': text },
            inputs: { images: `${host}/${image}`, policy: 'policy.json' },
          });
          return { image, skopeo: copied.code === 0, gate: gate.code === 0, shown: gate.shown };
        }),
      );
      for (const { image, skopeo: copied, gate, shown } of both)
        expect([name, image, gate], shown).toEqual([name, image, copied]);
    }
  });

  /** Puts the files where skopeo reads them; answers what copies an image by them. */
  async function enforcer(files: Readonly<Record<string, string>>, place: string) {
    const home = join(folder, place);
    await mkdir(join(home, 'registries.d'), { recursive: true });
    for (const name of ['containers-policy.json', 'registries.d/sign-image.yaml'])
      await writeFile(join(home, name), files[name] as string);
    const options = [
      '--policy',
      join(home, 'containers-policy.json'),
      '--registries.d',
      join(home, 'registries.d'),
    ];
    return (name: string) => {
      const target = `dir:${join(home, name.replace(/[/:@]/g, '-'))}`;
      const source = `docker://${registry.host}/${/[:@]/.test(name) ? name : `${name}:v1`}`;
      return skopeo([
        ...options,
        'copy',
        '--src-tls-verify=false',
        '--remove-signatures',
        source,
        target,
      ]);
    };
  }

  /** An identity token with an e-mail address, of the stack's second issuer. */
  async function tokenOf(email: string): Promise<string> {
    const url = new URL(
      need('ACTIONS_ID_TOKEN_REQUEST_URL').replace(need('OIDC_URL'), need('OIDC_EMAIL_URL')),
    );
    url.searchParams.set('audience', 'sigstore');
    url.searchParams.set('email', email);
    const answer = await fetch(url, {
      headers: { authorization: `bearer ${need('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` },
    });
    return ((await answer.json()) as { value: string }).value;
  }
});

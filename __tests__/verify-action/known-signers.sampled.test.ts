// Input `known-signers` and lists of one's own, through the gate as it ships.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, keyless, lantern, record, recordedIssuer, trustedRoot, verify } from './gate.ts';

let registry: SandboxRegistry;
let image: string;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
  image = (await keyless(registry)).loaded.reference;
});
afterAll(() => registry?.close());

const list = (identity: string, more = '') => `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Harbor Lights
${more}entries:
  - images: ["${registry.host}/fixtures/**"]
    signers:
      - identity: ${identity}
        issuer: ${recordedIssuer}
`;
const asked = {
  'known-signers': 'true',
  'trusted-root': trustedRoot,
  files: 'Dockerfile',
};
const codes = (results = '[]') =>
  (JSON.parse(results) as { reference: string; code?: string }[]).map(
    ({ reference, code = 'verified' }) => `${code} ${reference}`,
  );

describe.concurrent('known signers', () => {
  it('are asked for with a list of one’s own; what nobody is known to sign is told', async () => {
    const run = await verify(
      { ...asked, policy: 'signers/*' },
      {
        workspace: {
          'signers/list.yaml': list(ferry),
          'signers/kustomization.yaml': 'resources: [list.yaml]\n',
          Dockerfile: `FROM ${image} AS base\nFROM node:22\nFROM ghcr.io/nobody/app:v1\n`,
        },
      },
    );
    expect(run.code, run.shown).toBe(0);
    expect(codes(run.outputs.results)).toEqual([
      `verified ${image}`,
      'not-judged docker.io/library/node:22',
      'not-judged ghcr.io/nobody/app:v1',
    ]);
    expect(run.outputs).toMatchObject({ verified: 'true', images: JSON.stringify([image]) });
    expect(run.shown).toContain(
      '– docker.io/library/node:22: not judged (Known signers, Docker Official Images: Docker Official Images have no Sigstore signatures; requests for them are open), Dockerfile:2',
    );
    expect(run.summary).toContain('2 images not judged');
    expect(run.summary).toContain('Nobody is known to sign ghcr.io/nobody/app.');
  });

  it('are loaded only when they are asked for, and read no YAML of their own', async () => {
    const files = async (inputs: Readonly<Record<string, string>>) => {
      const run = await verify(inputs, {
        workspace: { Dockerfile: 'FROM node:22\n' },
        measure: true,
      });
      const names = (run.loaded ?? []).map(({ file }) => file.replace(/^.*\//, ''));
      return names.filter((name) => /^(published|own-lists|yaml|read)\.js$/.test(name));
    };
    expect(await files(asked)).toEqual(['published.js']);
    const own = { 'certificate-identity': ferry, 'trusted-root': trustedRoot };
    expect(
      await files({ ...own, images: image, 'certificate-oidc-issuer': recordedIssuer }),
    ).toEqual([]);
  });

  itInWhole('are looked for where the list says that signatures lie', async () => {
    const [app, signatures] = ['keyless-referrers', 'signatures'];
    const { digest } = await record(registry, 'keyless-bundle-rekor1', signatures);
    await record(registry, 'keyless-bundle-rekor1', app);
    // As Kyverno does it: nothing beside the image, all in one other repository.
    registry.set({
      override: ({ path }, usual) =>
        path.includes(`/fixtures/${app}/referrers/`) ||
        (path.includes(`/fixtures/${app}/manifests/sha256-`) && !path.includes(':'))
          ? { ...usual(), status: 404, body: Buffer.from('{}') }
          : undefined,
    });
    const reference = `${registry.host}/fixtures/${app}@${digest}`;
    const text = (more: string) => list(ferry).replace('    signers:', `${more}    signers:`);
    const run = async (more: string) => {
      const { code, outputs, shown } = await verify(
        { ...asked, policy: 'signers.yaml' },
        { workspace: { 'signers.yaml': text(more), Dockerfile: `FROM ${reference}\n` } },
      );
      return { code, codes: codes(outputs.results), shown };
    };
    const place = `    signatures:\n      repository: ${registry.host}/fixtures/${signatures}\n`;
    expect(await run('')).toMatchObject({ code: 1, codes: [`unsigned ${reference}`] });
    expect(await run(place)).toMatchObject({ code: 0, codes: [`verified ${reference}`] });
  });

  itInWhole('of three publishers ask no more of registries than one of three images', async () => {
    await using own = await startRegistry({ referrersApi: true });
    const names = ['a', 'b', 'c'];
    const images: string[] = [];
    for (const name of names)
      images.push((await record(own, 'keyless-bundle-rekor1', name)).reference);
    const lists = names
      .map((name) =>
        list(ferry).replace(/- images: .*/, `- images: ["${own.host}/fixtures/${name}"]`),
      )
      .join('---\n');
    const requests = async (inputs: Readonly<Record<string, string>>) => {
      own.requests.length = 0;
      const Dockerfile = images.map((one) => `FROM ${one}\n`).join('');
      const run = await verify(inputs, { workspace: { Dockerfile, 'signers.yaml': lists } });
      expect(run.code, run.shown).toBe(0);
      return own.requests.map(({ method, path }) => `${method} ${path}`).sort();
    };
    const one = { 'certificate-identity': ferry, 'certificate-oidc-issuer': recordedIssuer };
    const { 'known-signers': _, ...rest } = asked;
    expect(await requests({ ...asked, policy: 'signers.yaml' })).toEqual(
      await requests({ ...rest, ...one }),
    );
  });

  it('fail an image of a known publisher that somebody else signed', async () => {
    const run = await verify(
      { ...asked, policy: 'signers.yaml' },
      { workspace: { 'signers.yaml': list(lantern), Dockerfile: `FROM ${image}\n` } },
    );
    expect([run.code, codes(run.outputs.results)], run.shown).toEqual([
      1,
      [`wrong-identity ${image}`],
    ]);
    expect(run.shown).toContain('Known signers, Harbor Lights: It was signed by');
  });

  itInWhole(
    'count for the copies of a mirror: here the image would have to be of distroless',
    async () => {
      const mirrors = `mirrors:\n  - at: ${registry.host}/fixtures\n    of: gcr.io/distroless\n`;
      const text = `apiVersion: sign-image/v1\nkind: KnownSigners\npublisher: Acme\n${mirrors}`;
      const run = await verify(
        { ...asked, policy: 'signers.yaml' },
        { workspace: { 'signers.yaml': text, Dockerfile: `FROM ${image}\n` } },
      );
      expect([run.code, codes(run.outputs.results)], run.shown).toEqual([
        1,
        [`wrong-identity ${image}`],
      ]);
      expect(run.shown).toContain('expected keyless@distroless.iam.gserviceaccount.com');
    },
  );

  itInWhole('leave an identity of one’s own in force for what they do not know', async () => {
    const run = await verify(
      { ...asked, 'certificate-identity': ferry, 'certificate-oidc-issuer': recordedIssuer },
      { workspace: { Dockerfile: `FROM ${image}\n` } },
    );
    expect(run.code, run.shown).toBe(0);
    const other = await verify(
      { ...asked, 'certificate-identity': lantern, 'certificate-oidc-issuer': recordedIssuer },
      { workspace: { Dockerfile: `FROM ${image}\n` } },
    );
    expect([other.code, codes(other.outputs.results)], other.shown).toEqual([
      1,
      [`wrong-identity ${image}`],
    ]);
  });

  itInWhole('pass files that name nothing else, and contact nobody for them', async () => {
    const run = await verify(asked, { workspace: { Dockerfile: 'FROM node:22\n' } });
    expect([run.code, run.outputs.verified], run.shown).toEqual([0, '']);
    expect(run.shown).toContain('The image is not judged: nobody is known to sign it');
  });

  it('fail where `images` names nothing else', async () => {
    const run = await verify({ 'known-signers': 'true', images: 'node:22' });
    expect([run.code, run.outputs.verified], run.shown).toEqual([1, 'false']);
    expect(run.shown).toContain('nothing-to-verify: The image is not judged');
  });
});

// The command as it ships, in processes of its own.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startGithub } from '../sandbox/kms/github-secrets.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { startRegistryLike } from '../sandbox/registry-like.ts';
import { runAction } from '../sandbox/runner.ts';
import { command, root } from './command.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pub: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};
const key = newKey();
const offline = ['--key', 'env://SIGNING_KEY', '--tlog=false'];
const gate = ['--key', 'cosign.pub', '--tlog', 'ignore'];

describe('sign and verify', () => {
  it('end with 0 and say on stderr what was done; stdout has the document alone', async () => {
    const { reference } = await pushImage(registry.host, 'acme/app');
    const signed = await command(
      ['sign', '--images', reference, ...offline, '--annotations', 'team=a=b', '--json'],
      { env: { SIGNING_KEY: key.pem } },
    );
    expect(signed, signed.stderr).toMatchObject({ code: 0 });
    expect(signed.json.outputs).toMatchObject({ verified: 'true', image: reference });
    expect(signed.json.results).toEqual([
      expect.objectContaining({
        image: reference,
        status: 'signed',
        verified: true,
        annotations: { team: 'a=b' },
      }),
    ]);
    expect(signed.stderr).toMatch(/^✓ .+acme\/app sha256:.*: signed \(bundle and legacy\)/m);
    expect(signed.stderr).toContain(
      `Verify with: sign-image verify --images ${reference} --key cosign.pub --tlog ignore`,
    );
    expect(signed.stderr).not.toContain('PRIVATE KEY');
    expect(signed.stderr).not.toContain('\u001b');

    const verified = await command(['verify', '--images', reference, ...gate, '--json'], {
      files: { 'cosign.pub': key.pub },
    });
    expect(verified, verified.stderr).toMatchObject({ code: 0 });
    expect(verified.json.outputs).toMatchObject({
      verified: 'true',
      images: JSON.stringify([reference]),
    });
  });

  it('ask and load no more than the actions do', async () => {
    // With tags that others write too, how often one looks again depends on the moment.
    const modern = await startRegistry({ referrersApi: true, ociSubject: true });
    const asked = async (work: () => Promise<{ loaded?: CountedFiles }>) => {
      const before = modern.requests.length;
      const { loaded = [] } = await work();
      const requests = modern.requests.slice(before).map(({ method, path }) => ({
        method,
        path: path.replace(/\?.*|[0-9a-f]{32,64}|measured-\w+/g, '…'),
      }));
      const words = requests.map(({ method, path }) => `${method} ${path}`).sort();
      return {
        words,
        bytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0),
        files: loaded.length,
      };
    };
    const [one, other] = await Promise.all(
      ['measured-command', 'measured-action'].map((name) => pushImage(modern.host, name)),
    );
    const byCommand = await asked(() =>
      command(['sign', '--images', one!.reference, ...offline, '--format', 'bundle'], {
        env: { SIGNING_KEY: key.pem },
        measure: true,
      }),
    );
    const byAction = await asked(() =>
      runAction({
        inputs: { images: other!.reference, key: key.pem, tlog: 'false', format: 'bundle' },
        measure: true,
      }),
    );
    await modern.close();
    expect(byCommand.words).toEqual(byAction.words);
    expect(byCommand.words.length).toBeGreaterThan(5);
    // Nothing of key services, keyless signing or policies of others.
    expect(byAction.bytes).toBeLessThan(402_000);
    // The command line, and a list of flags, in place of the start of an action.
    expect(byCommand.bytes).toBeLessThan(byAction.bytes + 66_000);
    expect(byCommand.files).toBeLessThanOrEqual(byAction.files + 4);
  });

  it('end with 1 where an image is not signed by this key, and say so', async () => {
    const { reference } = await pushImage(registry.host, 'acme/unsigned');
    const run = await command(['verify', '--images', reference, ...gate, '--json'], {
      files: { 'cosign.pub': newKey().pub },
    });
    expect(run).toMatchObject({ code: 1, json: { outputs: { verified: 'false' } } });
    expect(run.json.results).toMatchObject([{ verified: false, code: 'unsigned' }]);
    expect(run.stderr).toMatch(/^error: .+: unsigned: /m);
  });

  // Nobody masks what is printed here: not the log, not with --debug, not the document.
  it('say no secret, whatever goes wrong', async () => {
    await using closed = await startRegistryLike('harbor');
    const image = `${closed.registry.host}/acme/closed:1`;
    const secrets = {
      SIGNING_KEY: key.pem,
      WRONG: 'not/the "password"',
      COSIGN_PASSWORD: 'unused',
    };
    const login = ['--registry-username', 'octocat', '--registry-password', 'env://WRONG'];
    const args = ['sign', '--images', image, ...offline, ...login, '--debug', '--json'];
    const run = await command(args, { env: secrets });
    expect(run, run.stderr).toMatchObject({ code: 1, json: { outputs: { verified: 'false' } } });
    expect(run.stderr).toContain('bad-credentials');
    expect(run.stderr).toContain(`docker login ${closed.registry.host}`);
    expect(run.stderr).not.toContain('uses:');
    expect(run.stderr).toContain('debug: ');
    const basic = Buffer.from(`octocat:${secrets.WRONG}`).toString('base64');
    for (const secret of [secrets.WRONG, basic, ...key.pem.split('\n').slice(1, -2)])
      expect(run.stdout + run.stderr).not.toContain(secret);
  });

  it('end with 2 for a bad input, with the flag to change', async () => {
    const run = await command(['sign', '--images', 'a/b:1', '--timeout', '5', '--json']);
    expect(run.code).toBe(2);
    expect(run.json).toMatchObject({
      outputs: { verified: 'false' },
      results: [],
      error: { code: 'bad-input' },
    });
    expect(run.stderr).toContain('error: bad-input: --timeout is "5", which is not a duration.');
    expect(run.stderr).toContain('Write for example `--timeout 5m`');
  });
});

type CountedFiles = readonly { readonly bytes: number }[];

it('prints help and refuses a wrong flag without loading what does the work', async () => {
  const help = await command(['sign', '--help'], { measure: true });
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('--images REFERENCE');
  const own = help.loaded?.filter(({ file }) => file.startsWith(join(root, 'dist'))) ?? [];
  expect(own.map(({ file }) => file)).toEqual(
    ['dist/cli.js', 'dist/cli/help.js'].map((file) => join(root, file)),
  );
  expect(own.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(54_500);
  // Of Node itself no more than is there already, or small: crypto or net would double the start.
  const text = await readFile(join(root, 'dist/cli.js'), 'utf8');
  const builtins = [...text.matchAll(/getBuiltinModule\(["'`]([^"'`]+)/g)].map(([, name]) => name);
  expect([...new Set(builtins)].sort()).toEqual(['node:fs', 'node:util']);
});

describe('keygen', () => {
  it('writes files as cosign does, for their owner alone, and replaces none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sign-image-keygen-'));
    const run = (...args: string[]) =>
      command(['keygen', ...args], { cwd: folder, env: { COSIGN_PASSWORD: 'a long password' } });
    try {
      const first = await run();
      expect(first, first.stderr).toMatchObject({ code: 0, stdout: '' });
      const pem = await readFile(join(folder, 'cosign.key'), 'utf8');
      expect(pem).toContain('-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----');
      expect(await readFile(join(folder, 'cosign.pub'), 'utf8')).toContain('BEGIN PUBLIC KEY');
      if (process.platform !== 'win32')
        expect((await stat(join(folder, 'cosign.key'))).mode & 0o777).toBe(0o600);

      const again = await run();
      expect(again.code).toBe(1);
      expect(again.stderr).toContain('secret-exists');
      expect(await readFile(join(folder, 'cosign.key'), 'utf8')).toBe(pem);

      // What was made signs, and what it signed verifies.
      const { reference } = await pushImage(registry.host, 'acme/made');
      const signed = await command(
        [
          ...['sign', '--images', reference, '--key', 'cosign.key', '--tlog=false'],
          ...['--output-folder', 'made/here', '--json'],
        ],
        { cwd: folder, env: { COSIGN_PASSWORD: 'a long password' } },
      );
      expect(signed, signed.stderr).toMatchObject({ code: 0 });
      const { bundle, policies } = signed.json.outputs;
      expect([bundle, policies]).toEqual([
        join('made', 'here', 'bundle.sigstore.json'),
        join('made', 'here', 'policies'),
      ]);
      const made = JSON.parse(await readFile(join(folder, bundle ?? ''), 'utf8'));
      expect(made.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
      expect(await readdir(join(folder, policies ?? ''))).toContain('cluster-image-policy.yaml');
      const verified = await command(['verify', '--images', reference, ...gate], { cwd: folder });
      expect(verified, verified.stderr).toMatchObject({ code: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('stores the pair in the secrets of GitHub, and writes no file, where a repository is named', async () => {
    const token = 'ghs_keygenkeygenkeygenkeygenkeygen123456';
    await using github = await startGithub({ token });
    const folder = await mkdtemp(join(tmpdir(), 'sign-image-keygen-'));
    const env = { GITHUB_API_URL: github.origin, MY_TOKEN: token };
    const asked = [
      'keygen',
      '--repository',
      'acme/app',
      '--github-token',
      'env://MY_TOKEN',
      '--json',
    ];
    try {
      const run = await command(asked, { cwd: folder, env });
      expect(run, run.stderr).toMatchObject({ code: 0 });
      const at = '/repos/acme/app/actions/secrets/COSIGN_';
      expect([...github.stored.keys()].sort()).toEqual([
        `${at}PASSWORD`,
        `${at}PRIVATE_KEY`,
        `${at}PUBLIC_KEY`,
      ]);
      expect(run.json.outputs['public-key']).toBe(github.stored.get(`${at}PUBLIC_KEY`)?.value);
      const { value: password = '' } = github.stored.get(`${at}PASSWORD`) ?? {};
      for (const secret of [token, password]) expect(run.stdout + run.stderr).not.toContain(secret);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

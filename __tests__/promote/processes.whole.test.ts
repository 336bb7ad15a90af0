// The action and the command as they ship.
import { expect, it } from 'vitest';
import { command } from '../command/command.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import { findSecrets } from '../sandbox/secrets.ts';
import { account, ours, publicPem, pushSigned, theirs } from './promoting.ts';

const from = 'acme/app';
const key = publicPem(ours);
const dockerConfig = (host: string) =>
  JSON.stringify({
    auths: {
      [host]: { auth: Buffer.from(`${account.username}:${account.password}`).toString('base64') },
    },
  });

it('the action: outputs, one line an image, a summary, and no secret anywhere', async () => {
  const robot = { username: 'robot', password: 'for the source only' };
  await using source = await startRegistry({ auth: { kind: 'basic', accounts: [robot] } });
  await using target = await startRegistry({ auth: { kind: 'token', accounts: [account] } });
  const image = await pushSigned(source, from, { tag: 'v1', platforms: 2, credentials: robot });
  const step = {
    entry: 'dist/promote.js',
    home: { '.docker/config.json': dockerConfig(target.host) },
    inputs: {
      images: `${source.host}/${from}:v1`,
      to: `${target.host}/prod/app`,
      key,
      tlog: 'ignore',
      'registry-username': robot.username,
      'registry-password': robot.password,
    },
  };
  const first = await runAction(step);
  expect(first.code, first.said).toBe(0);
  const reference = `${target.host}/prod/app@${image.digest}`;
  expect(first.outputs).toMatchObject({ images: JSON.stringify([reference]), verified: 'true' });
  expect(JSON.parse(first.outputs.results ?? '')).toMatchObject([
    {
      source: `${source.host}/${from}@${image.digest}`,
      image: reference,
      status: 'promoted',
      verified: true,
      tags: [{ tag: 'v1' }],
      left: [],
    },
  ]);
  expect(first.shown).toMatch(
    /^✓ \S+acme\/app:v1 → \S+\/prod\/app:v1 sha256:\w+: copied \d+ manifests.*, verified there$/m,
  );
  expect(first.summary).toContain('## ✅ 1 image promoted');
  expect(findSecrets(first, [robot.password, account.password])).toEqual([]);
  expect(target.store.tagged('prod/app', 'v1')).toBe(image.digest);
  const second = await runAction(step);
  expect(second.shown).toContain('is there already, verified there');
  expect(JSON.parse(second.outputs.results ?? '')).toMatchObject([{ status: 'already-promoted' }]);
});

it('the action: what does not verify is an error with the words of the gate', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  await pushSigned(source, from, { tag: 'v1' }, theirs);
  await pushImage(source.host, 'acme/unsigned', { tag: 'v1', seed: 2 });
  const run = await runAction({
    entry: 'dist/promote.js',
    inputs: {
      images: `${source.host}/${from}:v1\n${source.host}/acme/unsigned:v1`,
      to: `${target.host}/prod/`,
      key,
      tlog: 'ignore',
    },
  });
  expect(run.code).toBe(1);
  expect(run.outputs).toMatchObject({ images: '[]', verified: 'false' });
  expect(
    run.annotations.map(({ kind, message }) => [
      kind,
      /wrong-key|unsigned/.exec(message)?.[0] ?? message,
    ]),
  ).toEqual(
    expect.arrayContaining([
      ['error', 'wrong-key'],
      ['error', 'unsigned'],
    ]),
  );
  expect(run.summary).toContain('## ❌ 2 of 2 images not promoted');
  expect(target.requests).toEqual([]);
});

it('the command: the same, and wrong use is told', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const image = await pushSigned(source, from, { tag: 'v1' });
  const args = [
    'promote',
    '--images',
    `${source.host}/${from}:v1`,
    '--to',
    `${target.host}/prod/app`,
    '--to',
    `${target.host}/more/`,
    '--key',
    'cosign.pub',
    '--tlog',
    'ignore',
  ];
  const run = await command([...args, '--json'], { files: { 'cosign.pub': key } });
  expect(run.code, run.stderr).toBe(0);
  expect(run.json.outputs).toMatchObject({ verified: 'true' });
  expect(run.json.results).toMatchObject([{ status: 'promoted' }, { status: 'promoted' }]);
  expect(run.stderr.match(/^✓ /gm)).toHaveLength(2);
  expect(target.store.tagged('more/acme/app', 'v1')).toBe(image.digest);
  const wrong = await command(
    ['promote', '--images', `${source.host}/${from}:v1`, '--key', 'cosign.pub'],
    { files: { 'cosign.pub': key } },
  );
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('--to registry.example.com/prod/app');
});

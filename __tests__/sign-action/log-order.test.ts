// What a person who opens the log sees, and in which order.
import { expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import { keyedInputs, makeKey } from './keyed-world.ts';

/** The lines of the log as the runner shows them, digests as `D`. */
const linesOf = (shown: string) =>
  shown
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('::add-mask'))
    .map((line) => line.replace(/sha256:[0-9a-f]{64}/g, 'D'));

it('shows one warning for all tags, a line per image in the order of the inputs with all its tags, and errors last', async () => {
  await using registry = await startRegistry({ referrersApi: true });
  const key = makeKey();
  const app = `${registry.host}/acme/app`;
  const web = `${registry.host}/acme/web`;
  for (const tag of ['1.2.0', '1.2', '1', 'latest'])
    await pushImage(registry.host, 'acme/app', { tag, seed: 'app' });
  await pushImage(registry.host, 'acme/web', { tag: '7', seed: 'web' });
  const images = [`${app}:gone`, `${app}:1.2.0`, `${web}:7`, `${app}:1.2`, `${app}:1`];
  const inputs = keyedInputs([...images, `${app}:latest`], key, { format: 'bundle' });
  const { code, shown, annotations } = await runAction({ inputs });
  expect(code).toBe(1);
  const lines = linesOf(shown);
  const results = [
    `✗ ${app}:gone: failed: image-not-found`,
    `✓ ${app}:1.2.0, :1.2, :1, :latest D: signed (bundle), read back and verified`,
    `✓ ${web}:7 D: signed (bundle), read back and verified`,
  ];
  expect(lines.filter((line) => /^[✓✗]/.test(line))).toEqual(results);
  expect(annotations.map(({ kind }) => kind)).toEqual(['warning', 'error']);
  expect(annotations[0]?.message).toMatch(/:1\.2\.0, .* are tags, and tags can move/);
  const at = (text: string) => lines.findIndex((line) => line.includes(text));
  expect(at('are tags')).toBeLessThan(at(results[0] ?? ''));
  expect(at('Nothing was written')).toBe(-1);
  const error = annotations[1]?.message.split('\n') ?? [];
  expect(error[0]).toMatch(new RegExp(`^${app}:gone: image-not-found: `));
  // The error's own lines are the last ones.
  expect(lines.slice(-error.length).join('\n')).toContain(error.at(-1));
  expect(lines.some((line) => /group/.test(line))).toBe(false);
});

it('says nothing more than the line of an image that is named by its digest', async () => {
  await using registry = await startRegistry({ referrersApi: true });
  const image = await pushImage(registry.host, 'acme/app');
  const { shown } = await runAction({
    inputs: keyedInputs(image.reference, makeKey(), { format: 'bundle' }),
  });
  expect(linesOf(shown)).toEqual([
    `✓ ${registry.host}/acme/app D: signed (bundle), read back and verified`,
    expect.stringMatching(/^Signed with key \S+…, read back and verified, \d+(\.\d)? s$/),
  ]);
});

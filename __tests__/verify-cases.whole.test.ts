// The cases of files that name images, through the action as it ships: dist/verify.js in a child
// process, each case's files in a workspace with one more that names the signed image, so that a
// case that hides its image would pass.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
// @ts-expect-error a plain script, which the recordings come with
import { loadCase } from './fixtures/load.mjs';
import { type Case, cases, complaints, type Said } from './references/cases.ts';
import { pushImage } from './sandbox/images.ts';
import { startRegistry } from './sandbox/registry.ts';
import { type RunResult, runAction } from './sandbox/runner.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const info = JSON.parse(readFileSync(join(fixtures, 'keyed-bundle-nolog/case.json'), 'utf8')) as {
  verify: { key: string };
};
const key = readFileSync(join(fixtures, 'keys', info.verify.key), 'utf8');
const registry = await startRegistry({ referrersApi: true });
const { reference: good } = (await loadCase(
  join(fixtures, 'keyed-bundle-nolog'),
  registry.host,
  'acme/good',
)) as { reference: string };
await tagGood();
for (const repository of ['acme/evil', 'acme/evil2', 'acme/nothing'])
  await pushImage(registry.host, repository, { tag: '1' });
await pushImage(registry.host, 'acme/good', { tag: '2' });
afterAll(() => registry.close());

/** `acme/good:1`, which the cases name, is the signed image. */
async function tagGood(): Promise<void> {
  const [, digest = ''] = good.split('@');
  const address = `http://${registry.host}/v2/acme/good/manifests/`;
  const accept =
    'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
  const manifest = await fetch(`${address}${digest}`, { headers: { accept } });
  const put = await fetch(`${address}1`, {
    method: 'PUT',
    headers: { 'content-type': manifest.headers.get('content-type') ?? '' },
    body: await manifest.arrayBuffer(),
  });
  expect(put.status).toBe(201);
}

const here = (text: string) => text.replaceAll('registry.example.com', registry.host);

/** The files with the sandbox's registry; `!!binary` has its name in base64. */
function workspaceOf({ contents }: Case): Record<string, Buffer> {
  const name = Buffer.from('registry.example.com/acme/evil:1').toString('base64');
  const files = [...contents].map(([path, bytes]) => [
    path,
    Buffer.from(
      here(bytes.toString('latin1')).replace(
        name,
        Buffer.from(`${registry.host}/acme/evil:1`).toString('base64'),
      ),
      'latin1',
    ),
  ]);
  return { ...Object.fromEntries(files), 'signed/good.yaml': Buffer.from(signed) };
}

const signed = `apiVersion: v1\nkind: Pod\nmetadata: {name: signed}\nspec: {containers: [{name: a, image: "${registry.host}/acme/good:1"}]}\n`;

function saidBy({ outputs, annotations }: RunResult, files: readonly string[]): readonly Said[] {
  const results = JSON.parse(outputs.results ?? '[]') as readonly {
    reference: string;
    code?: string;
    source?: { file: string; line: number };
  }[];
  const judged = results.flatMap(({ reference, code, source }): readonly Said[] => {
    if (source === undefined || source.file === 'signed/good.yaml') return [];
    return code === 'unresolved'
      ? [{ ...source, code: 'unresolved' }]
      : [
          {
            ...source,
            code: 'judged',
            image: reference.replace(registry.host, 'registry.example.com'),
          },
        ];
  });
  const notices = annotations.filter(({ kind }) => kind === 'notice').map(({ message }) => message);
  const told = files.flatMap((file): readonly Said[] =>
    notices.some((message) => message.includes(file)) ? [{ file, line: 1, code: 'told' }] : [],
  );
  return [...judged, ...told];
}

describe('the gate reports what runs, or says that its file is unresolved', () => {
  for (const each of cases)
    it(`${each.name}: ${each.what}`, async () => {
      const result = await runAction({
        entry: 'dist/verify.js',
        workspace: workspaceOf(each),
        inputs: { key, tlog: 'ignore', files: `${each.files}\nsigned/good.yaml` },
      });
      const said = saidBy(result, [...each.contents.keys()]);
      expect({ said, complaints: complaints(each, said), log: result.stdout }).toMatchObject({
        complaints: [],
      });
      const fails = each.verdict === 'reported-or-unresolved';
      const passes = each.verdict === 'readable';
      if (fails || passes)
        expect(result).toMatchObject({
          code: passes ? 0 : 1,
          outputs: { verified: String(passes) },
        });
    });
});

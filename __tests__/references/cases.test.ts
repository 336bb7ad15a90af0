import { describe, expect, it } from 'vitest';
import { formatReference } from '../../src/image/reference.ts';
import { readGlobs } from '../../src/references/glob.ts';
import { type Case, cases, complaints, type Said, usesOf } from './cases.ts';

async function saidOf({ files, contents }: Case): Promise<readonly Said[]> {
  const { chosen } = readGlobs(files.split('\n'));
  const paths = [...contents.keys()].filter(chosen);
  const said = paths.map(async (file) =>
    (await usesOf(file, contents, chosen)).map((use): Said => {
      const place = { file, line: use.line };
      if ('reference' in use)
        return { ...place, code: 'judged', image: formatReference(use.reference) };
      return { ...place, code: 'why' in use ? 'unresolved' : 'told' };
    }),
  );
  return (await Promise.all(said)).flat();
}

describe('what runs is reported, or its file is unresolved', () => {
  for (const each of cases) {
    it(`${each.name}: ${each.what}`, async () => {
      const said = await saidOf(each);
      expect({ said, complaints: complaints(each, said) }).toMatchObject({ complaints: [] });
    });
  }
});

// Writes src/signers/published.json: the files of signers/ as the action has them, checked to the
// last field. `npm run signers`; a test compares the file with what this makes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SignerList } from '../src/signers/list.ts';
import { readSignerLists } from '../src/signers/own-lists.ts';

const root = join(import.meta.dirname, '..');

/** The files of signers/, sorted by name. */
export function signerFiles(): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(join(root, 'signers'))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({
      path: `signers/${name}`,
      text: readFileSync(join(root, 'signers', name), 'utf8'),
    }));
}

/** What src/signers/published.json holds. */
export function published(): SignerList {
  return readSignerLists(signerFiles());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(join(root, 'src/signers/published.json'), JSON.stringify(published()));

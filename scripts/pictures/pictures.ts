// `npm run pictures [FOLDER]`: the pictures of docs/images, from what the built
// actions write in the sandbox. Needs chromium, and for small files pngquant and optipng (Debian
// has all three). With FOLDER it writes there instead.
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBrowser } from './browser.ts';
import { pageOf } from './page.ts';
import { playScenes } from './scenes.ts';

const folder = process.argv[2] ?? join(import.meta.dirname, '../../docs/images');
await mkdir(folder, { recursive: true });
const scenes = await playScenes();
const browser = await openBrowser();
try {
  for (const { name, markdown } of scenes) {
    for (const width of [1000, 390])
      for (const scheme of ['light', 'dark'] as const) {
        const view = { width, scheme, scale: width < 500 ? 2 : 1 };
        const file = join(folder, `${name}-${width}-${scheme}.png`);
        await writeFile(file, await browser.picture(pageOf(markdown), view));
        execFileSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '48', file]);
        execFileSync('optipng', ['-quiet', '-o2', '-strip', 'all', file]);
        console.log(file);
      }
  }
} finally {
  await browser.close();
}

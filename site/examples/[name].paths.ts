import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleName } from '../markdown/pages.ts';

const folder = join(import.meta.dirname, '../../examples');

/** A page for every example: what it shows, its text, and where the file is. */
export default {
  paths(): { params: { name: string }; content: string }[] {
    const list = readFileSync(join(folder, 'README.md'), 'utf8');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => /\.yml$|Jenkinsfile/.test(file))
      .map((file) => ({ params: { name: exampleName(file) }, content: pageFor(file, list) }));
  },
};

function pageFor(file: string, list: string): string {
  const text = readFileSync(join(folder, file), 'utf8').trimEnd();
  const row = list.split('\n').find((line) => line.includes(`](${file})`));
  const shows =
    row
      ?.split('|')[2]
      ?.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim() ?? '';
  return [
    `# ${file.replace(/.*\//, '')}`,
    ...(shows === '' ? [] : [`${shows[0]?.toUpperCase()}${shows.slice(1)}.`]),
    `\`\`\`\`${file.endsWith('.yml') ? 'yaml' : 'groovy'}\n${text}\n\`\`\`\``,
    `[All examples](/examples/) · [this file on GitHub](https://github.com/OWNER/sign-image/blob/main/examples/${file})`,
  ].join('\n\n');
}

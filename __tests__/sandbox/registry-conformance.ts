// Asks several registries the same questions and prints their answers side by side, to be read by a
// person:
//   node __tests__/sandbox/registry-conformance.ts http://127.0.0.1:5000 http://127.0.0.1:5001 ...
// A row that differs from the real registry is a bug of the sandbox (or is written down in
// registry-behaviours.ts).
import { pathToFileURL } from 'node:url';
import { setting } from './registry-asking.ts';
import { manifestQuestions } from './registry-manifest-questions.ts';
import { questions as blobQuestions } from './registry-questions.ts';

/** Every question, by name. */
export const questions = { ...blobQuestions, ...manifestQuestions };

/** The status, the error codes, and the headers that clients look at, as one line. */
export async function answer(base: string, question: string): Promise<string> {
  const asked = setting(base);
  const response = await questions[question]!(asked).catch((error: unknown) => error as Error);
  if (response instanceof Error) return `no answer (${response.message})`;
  const codes = /^\s*\{"errors"/.test(response.said)
    ? (JSON.parse(response.said) as { errors: { code: string }[] }).errors
        .map((error) => error.code)
        .join('+')
    : '';
  const shown = [
    'content-type',
    'docker-content-digest',
    'etag',
    'location',
    'range',
    'link',
    'oci-subject',
    'oci-filters-applied',
  ]
    .filter((header) => response.headers.has(header))
    .map((header) => `${header}=${shorten(response.headers.get(header) ?? '', asked.name)}`);
  const body =
    codes === '' && response.said !== '' && response.said.length < 400
      ? shorten(response.said.trim(), asked.name)
      : '';
  return [response.status, codes, ...shown, body].filter((part) => part !== '').join(' ');
}

function shorten(text: string, name: string): string {
  return text
    .replaceAll(name, 'NAME')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/uploads\/[^?"]+/, 'uploads/ID')
    .replace(/_state=[^&"]+/, '_state=S')
    .replace(/http:\/\/127\.0\.0\.1:\d+/, 'HOST');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const question of Object.keys(questions)) {
    const answers = [];
    for (const base of process.argv.slice(2)) answers.push(await answer(base, question));
    const same = new Set(answers.map((line) => line.split(' ').slice(0, 2).join(' '))).size === 1;
    console.log(
      `${same ? ' ' : '≠'} ${question}\n${answers.map((line) => `      ${line}`).join('\n')}`,
    );
  }
}

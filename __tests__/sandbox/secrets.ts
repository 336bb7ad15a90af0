import type { RunResult } from './runner.ts';

/** Where a secret was found, and in which form. */
export interface FoundSecret {
  /** index in the list that was given: the finding must not print the secret again */
  readonly secret: number;
  readonly where: string;
  readonly form: string;
}

/**
 * Searches everything that a step left behind for these secrets: its output (but the lines that ask
 * the runner to mask them), outputs, summary, file commands, annotations, files below RUNNER_TEMP,
 * HOME and the workspace, and the command line; in plain, JSON-escaped, URL-encoded, hexadecimal,
 * base64 and base64url form (also in the middle of a longer base64 text), and line by line.
 * @throws Error for a secret of fewer than 6 characters: it would be found by chance.
 */
export function findSecrets(result: RunResult, secrets: readonly string[]): FoundSecret[] {
  const places = placesOf(result);
  return secrets.flatMap((secret, number) =>
    formsOf(secret).flatMap(([form, text]) =>
      places
        .filter(([, content]) => content.includes(text))
        .map(([where]) => ({ secret: number, where, form })),
    ),
  );
}

function placesOf(result: RunResult): [string, string][] {
  return [
    ['output', result.said],
    ['log as shown', result.shown],
    ['outputs', Object.values(result.outputs).join('\n')],
    ['summary', result.summary],
    ['GITHUB_ENV', Object.values(result.env).join('\n')],
    ['GITHUB_STATE', Object.values(result.state).join('\n')],
    [
      'annotations',
      result.annotations
        .map(({ message, properties }) => [message, ...Object.values(properties)].join('\n'))
        .join('\n'),
    ],
    ['arguments', result.arguments.join(' ')],
    ...[...result.files].flatMap(([path, content]): [string, string][] => [
      [`file ${path}`, content.toString('latin1')],
      [`name of ${path}`, path],
    ]),
  ];
}

/** The forms of a secret, by name; equal ones once. */
export function formsOf(secret: string): [form: string, text: string][] {
  const whole = secret.trim();
  if (whole.length < 6) throw new Error('a secret of fewer than 6 characters is found by chance');
  const lines = whole.split(/\r\n|\r|\n/).map((line) => line.trim());
  const telling =
    lines.length === 1
      ? []
      : [...lines.entries()].filter(([, line]) => line.length >= 12 && !line.startsWith('-----'));
  const forms = new Map<string, string>();
  const add = (prefix: string, pairs: [string, string][]) => {
    for (const [form, text] of pairs) if (!forms.has(text)) forms.set(text, `${prefix}${form}`);
  };
  add('', encodings(whole));
  for (const [number, line] of telling) add(`line ${number + 1}, `, encodings(line));
  return [...forms].map(([text, form]) => [form, text]);
}

function encodings(text: string): [string, string][] {
  const bytes = Buffer.from(text, 'utf8');
  const base64 = [0, 1, 2]
    .map((shift) => base64Core(bytes, shift))
    .filter((core) => core.length >= 8);
  return [
    ['plain', text],
    ['plain bytes', bytes.toString('latin1')],
    ['JSON', JSON.stringify(text).slice(1, -1)],
    ['URL', encodeURIComponent(text)],
    ['URL, spaces as +', encodeURIComponent(text).replaceAll('%20', '+')],
    [
      'workflow command',
      text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'),
    ],
    ['hexadecimal', bytes.toString('hex')],
    ...base64.map((core): [string, string] => ['base64', core]),
    ...base64.map((core): [string, string] => [
      'base64url',
      core.replaceAll('+', '-').replaceAll('/', '_'),
    ]),
  ];
}

/**
 * The letters of base64 that these bytes always give when `shift` other bytes stand before them,
 * whatever those and the next are.
 */
function base64Core(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const from = shift === 0 ? 0 : shift + 1;
  const bits = (shift + bytes.length) * 8;
  return text.slice(from, Math.floor(bits / 6));
}

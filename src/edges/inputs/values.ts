import { Failure } from '../../failure.ts';
import { parseRegistry } from '../../image/reference.ts';
import { readJson } from '../../text/json.ts';
import { shownInOneLine } from '../../text/untrusted.ts';

// How the text of one input becomes a value. Each function takes the input's name for its error,
// and never shows a value that may be secret.

/**
 * Entries one a line; `commas` also splits there. Lines that start with `#` are comments, empty
 * entries are dropped.
 */
export function parseList(
  text: string,
  commas: 'split-at-commas' | 'keep-commas',
): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => !line.trimStart().startsWith('#'));
  const entries = commas === 'split-at-commas' ? lines.flatMap((line) => line.split(',')) : lines;
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
}

/**
 * Image references: a list that also splits at commas, or a JSON array of texts, which is what the
 * outputs `images` of these actions are. Several arrays may follow each other, one a line.
 * @throws {Failure} `bad-input` for other JSON, and for an array with nothing in it: a step before
 * has handed on nothing
 */
export function parseImages(text: string): readonly string[] {
  if (/^\s*\[\s*(["\]]|$)/.test(text)) {
    const whole = arrayOf(text);
    if (whole !== undefined) return whole;
  }
  if (text.trimStart().startsWith('{'))
    throw new Failure(
      'bad-input',
      'Input images is a JSON object, which names no image.',
      'The output `metadata` of a build goes into `metadata: ${{ steps.build.outputs.metadata }}`.',
    );
  return text.split(/\r\n|\n|\r/).flatMap((line) => {
    if (!/^\s*\[\s*["\]]/.test(line)) return parseList(line, 'split-at-commas');
    const entries = arrayOf(line);
    if (entries !== undefined) return entries;
    throw new Failure(
      'bad-input',
      'Input images starts as a JSON array, and is not one of texts.',
      'Hand an output on as it is, `images: ${{ needs.sign.outputs.images }}`, or write one reference a line.',
    );
  });
}

/** The texts of a JSON array; undefined where the text is something else. */
function arrayOf(text: string): readonly string[] | undefined {
  const reading = readJson(text, 2);
  if ('problem' in reading || !Array.isArray(reading.value)) return undefined;
  const entries: readonly unknown[] = reading.value;
  if (!entries.every((entry) => typeof entry === 'string')) return undefined;
  if (entries.length === 0)
    throw new Failure(
      'bad-input',
      'Input images is an empty array: the step that it comes from has handed on no image.',
      'Look at that step; its `id` may be another one, or nothing of it was signed or verified.',
    );
  return entries;
}

/**
 * Globs, one a line or separated by commas; a comma in braces belongs to the glob (`*.{yml,yaml}`).
 */
export function parseGlobs(text: string): readonly string[] {
  return parseList(text, 'keep-commas').flatMap((line) => {
    let open = 0;
    const marked = line.replace(/[{},]/g, (character) => {
      if (character === '{') open++;
      if (character === '}') open = Math.max(0, open - 1);
      return character === ',' && open === 0 ? '\n' : character;
    });
    return parseList(marked, 'keep-commas');
  });
}

/**
 * A boolean as @actions/core's getBooleanInput reads it (YAML 1.2 core schema), or `fallback` when
 * empty.
 * @throws {Failure} `bad-input` for `yes`, `on`, `1` and everything else: a misspelt safety switch
 * must not count as off.
 */
export function parseBoolean(name: string, text: string, fallback: boolean): boolean {
  if (text === '') return fallback;
  if (text === 'true' || text === 'True' || text === 'TRUE') return true;
  if (text === 'false' || text === 'False' || text === 'FALSE') return false;
  throw new Failure(
    'bad-input',
    `Input ${name} is "${shown(text)}", which is neither true nor false.`,
    `Write \`${name}: true\` or \`${name}: false\`.`,
  );
}

/**
 * One of a few words.
 * @throws {Failure} `bad-input` that lists the words.
 */
export function parseChoice<T extends string>(
  name: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const allowed = choices.map((choice) => `\`${choice}\``).join(', ');
  throw new Failure(
    'bad-input',
    `Input ${name} is "${shown(text)}".`,
    `Use one of ${allowed}, or leave it out.`,
  );
}

const units = { h: 3_600_000, m: 60_000, s: 1000 } as const;
const longestDuration = 6 * units.h;

/**
 * A duration such as `5m`, `90s`, `1h30m`, in milliseconds; from one second to six hours (the
 * longest a GitHub-hosted job may run). A number without a unit is refused: `timeout-minutes`
 * beside it counts minutes, curl and Go count seconds.
 * @throws {Failure} `bad-input`
 */
export function parseDuration(name: string, text: string): number {
  const match = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/.exec(text);
  if (text === '' || match === null) {
    const guess = /^\d{1,9}$/.test(text)
      ? ` A number needs its unit: \`${text}m\` are minutes, \`${text}s\` seconds.`
      : '';
    throw new Failure(
      'bad-input',
      `Input ${name} is "${shown(text)}", which is not a duration.${guess}`,
      `Write for example \`${name}: 5m\`, \`90s\` or \`1h30m\`.`,
    );
  }
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  const milliseconds =
    Number(hours) * units.h + Number(minutes) * units.m + Number(seconds) * units.s;
  if (milliseconds < units.s || milliseconds > longestDuration)
    throw new Failure(
      'bad-input',
      `Input ${name} is "${text}", which is not between 1s and 6h.`,
      `Write for example \`${name}: 5m\`.`,
    );
  return milliseconds;
}

/**
 * The address of a service: https, or http on loopback, where nobody is in between.
 * @throws {Failure} `bad-input` for other schemes, credentials in the URL (they would end up in
 * logs), a query or a fragment.
 */
export function parseServiceUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fix = `Write an address like \`${name}: https://sigstore.example.com\`.`;
  if (url === undefined)
    throw new Failure('bad-input', `Input ${name} is not a URL: "${shown(text)}".`, fix);
  if (url.username !== '' || url.password !== '')
    throw new Failure('bad-input', `Input ${name} has a user name or password in its URL.`, fix);
  if (url.search !== '' || url.hash !== '')
    throw new Failure('bad-input', `Input ${name} has a query or fragment: "${shown(text)}".`, fix);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
    return url;
  const plain =
    url.protocol === 'http:'
      ? 'is plain http to another machine'
      : `has the scheme ${url.protocol.slice(0, -1)}`;
  throw new Failure(
    'bad-input',
    `Input ${name} ${plain}: "${shown(text)}".`,
    `${fix} Only this machine may speak plain http (127.0.0.1, localhost).`,
  );
}

/**
 * The host of a registry as in a reference, in lower case; Docker Hub is `docker.io`.
 * @throws {Failure} `bad-input` for an address, a path or a bare name
 */
export function parseRegistryHost(text: string): string {
  const registry = parseRegistry(text);
  if (registry !== undefined) return registry;
  throw new Failure(
    'bad-input',
    `Input registry is "${shown(text)}", which is not the host of a registry.`,
    'Write the host alone, as it stands in front of an image: `registry: ghcr.io`, and `docker.io` for Docker Hub.',
  );
}

/**
 * `localhost` and the loopback addresses of RFC 1122 and RFC 4291, as `URL.hostname` writes them.
 */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** A piece of a wrong value for an error: short, in one line. */
export function shown(text: string): string {
  return shownInOneLine(text, 100);
}

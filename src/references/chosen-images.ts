import { Failure } from '../failure.ts';
import type { RepositoryName } from '../image/reference.ts';
import { type Globs, readGlobs } from './glob.ts';

/** Which of the images that files name are judged. */
export interface ChosenImages {
  readonly isChosen: (image: RepositoryName) => boolean;
  /**
   * True where a reference with an open part can be no image that is chosen, whatever stands for
   * that part: its host is another one.
   * @param written such as `node:${VERSION}`
   */
  readonly isOther: (written: string) => boolean;
}

/**
 * Reads the globs of inputs `only-images` and `skip-images`: `*` and `?` within a part of the name,
 * `**` over parts, `{a,b}`; a line with `!` in front takes out what an earlier one chose. They fit
 * names without tag and digest, `registry/repository`; Docker Hub short names are written out as
 * Docker does. Without `only` all images are chosen.
 * @throws {Failure} `bad-input`
 */
export function chooseImages(only: readonly string[], skip: readonly string[]): ChosenImages {
  const chosen = only.length === 0 ? undefined : globsOf('only-images', only);
  const skipped = skip.length === 0 ? undefined : globsOf('skip-images', skip);
  const hosts = only.map((line) => wholeName(line).split('/')[0] ?? '');
  return {
    isChosen: ({ registry, repository }) => {
      const name = `${registry}/${repository}`;
      return chosen?.chosen(name) !== false && skipped?.chosen(name) !== true;
    },
    isOther: (written) => {
      const host = hostOf(written);
      // A host with a wildcard could be any.
      if (host === undefined || hosts.length === 0) return false;
      return hosts.every((each) => !/[*?[{]/.test(each) && each !== host);
    },
  };
}

function globsOf(input: string, lines: readonly string[]): Globs {
  return readGlobs(
    lines.map((line) => {
      const out = line.startsWith('!');
      return `${out ? '!' : ''}${wholeName(line, input)}`;
    }),
    input,
  );
}

/** A glob with its registry, as Docker completes names: `nginx` is `docker.io/library/nginx`. */
function wholeName(line: string, input = 'only-images'): string {
  const glob = line
    .replace(/^!/, '')
    .trim()
    .toLowerCase()
    .replace(/^docker:\/\//, '');
  const last = glob.slice(glob.lastIndexOf('/') + 1);
  if (glob.includes('@') || (glob.includes('/') && last.includes(':')))
    throw new Failure(
      'bad-input',
      `Input ${input} has "${glob}", and its globs are about names without tag and digest.`,
      `Write the name alone, for example \`${input}: ghcr.io/acme/**\`.`,
    );
  const [first = ''] = glob.split('/');
  if (/[.:*]|^localhost$/.test(first) && glob.includes('/'))
    return glob.replace(/^index\.docker\.io\//, 'docker.io/');
  if (glob.includes('/')) return `docker.io/${glob}`;
  if (/[.:]/.test(glob))
    throw new Failure(
      'bad-input',
      `Input ${input} has "${glob}", which is a registry and names no image.`,
      `Write \`${input}: ${glob}/**\` for all that is in it.`,
    );
  return /^\*+$/.test(glob) ? '**' : `docker.io/library/${glob}`;
}

/**
 * The registry of a reference whose rest is open, where what is written before says it for certain.
 */
function hostOf(written: string): string | undefined {
  const [before = ''] = written.trim().split(/[${}<>@%"'\s]|__/, 1);
  const slash = before.indexOf('/');
  if (slash < 0) return /^[a-z0-9][\w.-]*:$/.test(before) ? 'docker.io' : undefined;
  const first = before.slice(0, slash).toLowerCase();
  if (!/^[a-z0-9][a-z0-9.:-]*$/.test(first)) return undefined;
  if (first === 'index.docker.io') return 'docker.io';
  return first === 'localhost' || /[.:]/.test(first) ? first : 'docker.io';
}

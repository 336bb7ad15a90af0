import {
  looksLikeDockerfile,
  readDockerfile,
  readSyntax,
  readWithArguments,
} from './dockerfile.ts';
import { type EnvFile, openEnvironment } from './environment.ts';
import {
  type BuildArgument,
  type FileReading,
  type ImageUse,
  mostFileBytes,
  unresolved,
} from './image-use.ts';
import { isYamlName, readYamlFile } from './read-yaml.ts';

const mostDockerfileBytes = 1024 * 1024;

/**
 * Finds the image references of a file. What it is, is decided by its content first: a manifest is
 * one under any name. A file that cannot be read to its end is unresolved, not empty.
 * @param path with `/`
 * @param envFiles the `.env` of its folder and of those above
 */
export function readFileReferences(
  path: string,
  bytes: Uint8Array,
  envFiles: readonly EnvFile[] = [],
): FileReading {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isIgnore = /\.dockerignore$/i.test(name);
  const most = mostFileBytes(path);
  if (bytes.length > most)
    return broken(`has more than ${most / (1024 * 1024)} MiB, which no such file has`);
  const isDockerfile = (isNamed(name) && !isIgnore) || looksLikeDockerfile(bytes, isYamlName(name));
  const readings: FileReading[] = [];
  if (isDockerfile)
    readings.push(
      bytes.length > mostDockerfileBytes
        ? broken('has more than 1 MiB, which no such file has')
        : { kinds: ['Dockerfile'], uses: readDockerfile(bytes) },
    );
  // One text can be a Dockerfile and a manifest, so it is read as both.
  if (!isDockerfile || isYamlName(name) || namesFields(bytes)) {
    const { kinds, uses } = readOther(path, name, bytes, envFiles);
    const isDoubtful = kinds.includes('unreadable') && !isYamlName(name);
    // Patterns and instructions are no YAML, as a rule.
    if (!(isDoubtful && (isDockerfile || (isIgnore && !namesFields(bytes)))))
      readings.push({ kinds, uses });
  }
  return {
    kinds: [...new Set(readings.flatMap(({ kinds }) => kinds))],
    uses: readings.flatMap(({ uses }) => uses),
  };
}

/** True for a text with a field that a manifest needs. */
function namesFields(bytes: Uint8Array): boolean {
  return /(?:kind|services|image|include)["']?\s*:/i.test(Buffer.from(bytes).toString('latin1'));
}

function readOther(
  path: string,
  name: string,
  bytes: Uint8Array,
  envFiles: readonly EnvFile[],
): FileReading {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return readOtherText(name, bytes);
  }
  const { kinds, uses } = readYamlFile(path, text, openEnvironment(path, envFiles));
  // `docker build -f` takes a file of any name, and runs the frontend that it begins with.
  return { kinds, uses: isYamlName(name) ? [...readSyntax(bytes), ...uses] : uses };
}

/** What a build with these arguments makes of a Dockerfile besides what that names by itself. */
export function readBuilt(bytes: Uint8Array, given: readonly BuildArgument[]): readonly ImageUse[] {
  return bytes.length > mostDockerfileBytes
    ? [unresolved(given[0]?.line ?? 1, '', 'is for a Dockerfile of more than 1 MiB')]
    : readWithArguments(bytes, given);
}

/**
 * A file that is not UTF-8. Readers differ in what they make of it: YAML readers refuse it or take
 * UTF-16, JSON readers put something in the place of a wrong byte. So it is no manifest only if it
 * names no image in any reading.
 */
function readOtherText(name: string, bytes: Uint8Array): FileReading {
  if (isYamlName(name)) return broken('is not text in UTF-8');
  const [first, second] = bytes;
  const isBigEndian = first === 0xfe && second === 0xff;
  const isWide = isBigEndian || (first === 0xff && second === 0xfe);
  if (!isWide && bytes.includes(0)) return nothing;
  const encoding = isWide ? (isBigEndian ? 'utf-16be' : 'utf-16le') : 'latin1';
  const { uses } = readYamlFile(name, new TextDecoder(encoding).decode(bytes));
  return uses.length === 0 ? nothing : broken('names images, and is not text in UTF-8');
}

const nothing: FileReading = { kinds: [], uses: [] };

function broken(why: string, line = 1, written = ''): FileReading {
  return { kinds: ['unreadable'], uses: [unresolved(line, written, why)] };
}

/** `Dockerfile`, `Dockerfile.dev`, `app.Dockerfile`, and the same with Containerfile. */
function isNamed(name: string): boolean {
  return /^(docker|container)file([.-].*)?$/i.test(name) || /\.(docker|container)file$/i.test(name);
}

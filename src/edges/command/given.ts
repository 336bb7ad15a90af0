import { readFileSync, statSync } from 'node:fs';
import { Failure } from '../../failure.ts';
import type { InputSource } from '../inputs/read.ts';
import type { Asked } from './arguments.ts';
import { type Flag, flagsOf } from './flags.ts';

/** bytes; a token has some thousand, a password a hundred */
const mostSecretBytes = 65_536;

/**
 * The flags of a command line as the inputs that they are. Secrets come out of variables and files,
 * and are masked with the inputs.
 * @throws {Failure} `bad-input` for a secret that is an argument, or is not there; it is not quoted
 */
export function sourceOf({ verb, values }: Asked, given: NodeJS.ProcessEnv): InputSource {
  // A job of GitHub Actions may have inputs of another action there.
  const env = Object.fromEntries(Object.entries(given).filter(([name]) => !/^INPUT_/i.test(name)));
  const flags = [...flagsOf(verb).values()];
  const texts = new Map(
    flags.map((flag) => [flag.name, textOf(flag, values.get(flag.name), env)] as const),
  );
  return {
    get: (name, { trimWhitespace = true } = { trimWhitespace: true }) => {
      const text = texts.get(name) ?? '';
      return trimWhitespace ? text.trim() : text;
    },
    env,
  };
}

function textOf(flag: Flag, value: string | undefined, env: NodeJS.ProcessEnv): string {
  if ((flag.name === 'key' || flag.name === 'resign-with') && value !== undefined)
    return keyPlace(flag.name, value, env);
  if (flag.secret === undefined) return value ?? '';
  const { variable } = flag.secret;
  if (value === undefined) return (variable !== undefined && env[variable]) || '';
  const name = /^env:\/\/([A-Za-z_]\w*)$/.exec(value)?.[1];
  if (name === undefined) return fromFile(flag, value);
  const text = env[name];
  if (text !== undefined && (text !== '' || flag.name === 'key-password')) return text;
  throw new Failure(
    'bad-input',
    `The variable ${name}, which \`--${flag.name}\` names, is ${text === undefined ? 'not set' : 'empty'} here.`,
    'Look at its name, and at which jobs get it: protected and masked variables are often kept from branches and pull requests.',
  );
}

/** The engine reads variables, files and key services itself; a variable must be there. */
function keyPlace(flag: string, value: string, env: NodeJS.ProcessEnv): string {
  const name = /^env:\/\/(\w+)$/.exec(value.trim())?.[1];
  const isPlace = value.length <= 400 && !/[\r\n{}"]/.test(value) && !looksLikeKey(value);
  const isPublic = /^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(value);
  if (!isPlace && !isPublic)
    throw new Failure(
      'bad-input',
      `\`--${flag}\` holds neither the place of a key nor a public key.`,
      `A private key is never an argument: put it into a variable and write \`--${flag} env://COSIGN_PRIVATE_KEY\`, or write the path of its file.`,
    );
  if (name !== undefined && !env[name]?.trim())
    throw new Failure(
      'bad-input',
      `The variable ${name}, which \`--${flag}\` names, is not set here, so there is no key.`,
      'Look at its name, and at which jobs get it: protected and masked variables are often kept from branches and pull requests.',
    );
  return value;
}

/** A PEM, base64 of one, or of the DER in it: long, and without what an address or a path has. */
function looksLikeKey(text: string): boolean {
  const plain = text.trim();
  const isLong = /^[A-Za-z0-9+/_=-]{60,}$/.test(plain.replaceAll(' ', ''));
  return /-----|^LS0tLS1/.test(plain) || (isLong && !/^\.{0,2}\/[a-z]+\//.test(plain));
}

/**
 * A secret that is an argument can be read by every process of the machine, and stays in the
 * history of the shell. So it is no secret any more: it is not taken, and not printed either.
 */
function fromFile(flag: Flag, path: string): string {
  const { variable } = flag.secret ?? {};
  const own =
    variable === undefined ? '' : `Set the variable ${variable} and leave the flag out, or `;
  const write = `${own === '' ? 'W' : 'w'}rite \`--${flag.name} env://NAME\` or the path of a file.`;
  const fix = `${own}${write} If it was the secret itself, change it where others share this machine or its logs.`;
  // Without a cause: Node's error quotes the path.
  const refused = () =>
    new Failure(
      'bad-input',
      `\`--${flag.name}\` names neither a variable (env://NAME) nor a file that can be read. A secret is never an argument.`,
      fix,
    );
  try {
    const found = statSync(path);
    if (found.isFile() && found.size <= mostSecretBytes) return readFileSync(path, 'utf8');
  } catch {
    throw refused();
  }
  throw refused();
}

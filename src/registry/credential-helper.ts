import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import { basic, type Credentials } from './login.ts';

/**
 * Runs a program with a text on its standard input. It must not print what the program prints: that
 * is a password. `stopped` is why a program was not waited for: the end of a sentence about it.
 */
export type RunHelper = (
  command: string,
  args: readonly string[],
  stdin: string,
) => Promise<
  | { readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly stopped: string }
>;

/** What asking a helper needs of the machine. */
export interface HelperTools {
  readonly run: RunHelper;
  /** is told every secret before it is used */
  readonly mask: (secret: string) => void;
}

const longestAnswer = 64 * 1024;

/**
 * Asks a credential helper of Docker: `docker-credential-NAME get`, the server on standard input,
 * `{"Username","Secret"}` back.
 * @param server the key as `docker login` would have stored it
 * @returns undefined when the helper knows no login for this server, which is no error
 * @throws {Failure} `bad-credentials`, naming the helper: it is missing, it fails, it does not end,
 * it answers something else
 */
export async function askHelper(
  name: string,
  server: string,
  { run, mask }: HelperTools,
): Promise<Credentials | undefined> {
  // The name becomes part of a command: a path would run a file of whoever can write the config.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw broken(shown(name, 70), 'this is no name of a helper');
  const end = await start(run, name, server);
  if ('stopped' in end) throw broken(name, `it ${end.stopped}`);
  const { exitCode, stdout, stderr } = end;
  if (exitCode !== 0) {
    // The words of docker-credential-helpers; each helper prints them on standard output.
    if (
      /credentials not found|no credentials|not found in native keychain/i.test(
        `${stdout}\n${stderr}`,
      )
    )
      return undefined;
    throw broken(name, `it ended with ${exitCode} for ${server}`);
  }
  const reading =
    stdout.length > longestAnswer ? { problem: 'it is too long' } : readJson(stdout.trim(), 8);
  const answer = 'value' in reading && isJsonObject(reading.value) ? reading.value : {};
  const { Username: username, Secret: secret } = answer;
  if (typeof secret === 'string' && secret !== '') mask(secret);
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw broken(name, 'its answer is not {"Username", "Secret"}');
  if (secret === '') return undefined;
  mask(basic(username, secret));
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}

async function start(run: RunHelper, name: string, server: string) {
  try {
    return await run(`docker-credential-${name}`, ['get'], server);
  } catch (caught) {
    if (caught instanceof Failure) throw caught;
    throw broken(name, 'it could not be started', caught);
  }
}

/** What a helper prints is not quoted: it may be a password. */
function broken(name: string, problem: string, cause?: unknown): Failure {
  return new Failure(
    'bad-credentials',
    `The credential helper docker-credential-${name}, which the docker config of this machine names, gives no password: ${problem}.`,
    'Install or repair that helper, or give the step `registry-username` and `registry-password`.',
    { cause },
  );
}

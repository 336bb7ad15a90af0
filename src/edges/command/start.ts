import { readFileSync } from 'node:fs';
import { type Asked, readArguments, WrongUse } from './arguments.ts';
import { begin } from './begin.ts';
import { helpText } from './help.ts';

// What `sign-image` starts: reads the command line and prints help. Each command is a file of its
// own, loaded only when it is asked for. Failed until told otherwise: a run that ends without an
// answer has not succeeded.
process.exitCode = 1;
start(process.argv.slice(2));

function start(args: readonly string[]): void {
  try {
    const asked = readArguments(args);
    if (!('words' in asked)) {
      run(asked);
      return;
    }
    process.stdout.write(asked.words === 'help' ? helpText(asked.verb) : `${version()}\n`);
    process.exitCode = 0;
  } catch (caught) {
    if (!(caught instanceof WrongUse)) throw caught;
    process.stderr.write(`error: ${caught.message}\n${caught.fix}\n`);
    process.exitCode = 2;
  }
}

/** Node makes the connections, and stretches the password, when this file has ended. */
function run(asked: Asked): void {
  const begun = begin(asked, process.env);
  const { verb } = asked;
  setImmediate(async () => {
    if (verb === 'sign') process.exitCode = await (await import('./sign.ts')).runSign(asked, begun);
    if (verb === 'attest')
      process.exitCode = await (await import('./attest.ts')).runAttest(asked, begun);
    if (verb === 'keygen') process.exitCode = await (await import('./keygen.ts')).runKeygen(asked);
    if (verb === 'verify')
      process.exitCode = await (await import('./verify.ts')).runVerify(asked, begun);
  });
}

/** Of the package that this file is in. */
function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}

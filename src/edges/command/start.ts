import { readFileSync } from 'node:fs';
import { type Asked, type AskedWords, readArguments, WrongUse } from './arguments.ts';
import { commonFlags, flagsOf } from './flags.ts';

// What `sign-image` starts: reads the command line and prints help. Each command is a file of its
// own, loaded only when it is asked for. Failed until told otherwise: a run that ends without an
// answer has not succeeded.
process.exitCode = 1;
start(process.argv.slice(2));

function start(args: readonly string[]): void {
  try {
    const asked = readArguments(args);
    if (!('words' in asked)) {
      void run(asked);
      return;
    }
    void print(asked);
  } catch (caught) {
    if (!(caught instanceof WrongUse)) throw caught;
    process.stderr.write(`error: ${caught.message}\n${caught.fix}\n`);
    process.exitCode = 2;
  }
}

async function print(asked: AskedWords): Promise<void> {
  const text =
    asked.words === 'help'
      ? (await import('./help.ts')).helpText(asked.verb, { flagsOf, commonFlags })
      : `${version()}\n`;
  process.stdout.write(text);
  process.exitCode = 0;
}

/** What is begun needs modules of Node that would make help slow. */
async function run(asked: Asked): Promise<void> {
  const { begin } = await import('./begin.ts');
  const begun = begin(asked, process.env);
  const { verb } = asked;
  // Node makes the connections, and stretches the password, before the next file is loaded.
  setImmediate(async () => {
    if (verb === 'sign') process.exitCode = await (await import('./sign.ts')).runSign(asked, begun);
    if (verb === 'attest')
      process.exitCode = await (await import('./attest.ts')).runAttest(asked, begun);
    if (verb === 'promote')
      process.exitCode = await (await import('./promote.ts')).runPromote(asked);
    if (verb === 'inventory')
      process.exitCode = await (await import('./inventory.ts')).runInventory(asked);
    if (verb === 'keygen') process.exitCode = await (await import('./keygen.ts')).runKeygen(asked);
    if (verb === 'policy') process.exitCode = await (await import('./policy.ts')).runPolicy(asked);
    if (verb === 'signers')
      process.exitCode = await (await import('./signers.ts')).runSigners(asked);
    if (verb === 'verify')
      process.exitCode = await (await import('./verify.ts')).runVerify(asked, begun);
  });
}

/** Of the package that this file is in. */
function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}

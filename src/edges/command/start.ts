import { readFileSync } from 'node:fs';
import { connectAhead } from '../../http/ahead.ts';
import { type Asked, readArguments, WrongUse } from './arguments.ts';
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
      begin(asked);
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

/**
 * The gate begins to connect before it is loaded, as the action does: Node makes the connections when
 * this file has ended.
 */
function begin(asked: Asked): void {
  const { verb, values } = asked;
  const ahead =
    verb === 'verify'
      ? connectAhead({
          ...process.env,
          INPUT_IMAGES: values.get('images'),
          'INPUT_ALLOW-HTTP-REGISTRY': values.get('allow-http-registry'),
        })
      : undefined;
  const run = async () => {
    if (verb === 'sign') return (await import('./sign.ts')).runSign(asked);
    if (verb === 'attest') return (await import('./attest.ts')).runAttest(asked);
    if (verb === 'keygen') return (await import('./keygen.ts')).runKeygen(asked);
    return (await import('./verify.ts')).runVerify(asked, ahead);
  };
  setImmediate(async () => {
    process.exitCode = await run();
  });
}

/** Of the package that this file is in. */
function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}

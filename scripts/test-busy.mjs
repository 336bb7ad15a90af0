// The default suite on a machine that is busy with something else: what passes here does not depend
// on how fast a machine is. Arguments go to Vitest.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const busy = 6;

// Computes all the time, but looks up now and then: it ends with the process that started it, however
// that one ends.
const spin = `
  process.stdin.resume().on('end', () => process.exit());
  const slice = () => {
    for (const end = performance.now() + 50; performance.now() < end; );
    setImmediate(slice);
  };
  slice();`;

const beside = Array.from({ length: busy }, () =>
  spawn(process.execPath, ['--eval', spin], { stdio: ['pipe', 'ignore', 'inherit'] }),
);
const manifest = createRequire(import.meta.url).resolve('vitest/package.json');
const vitest = join(dirname(manifest), 'vitest.mjs');
const suite = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => suite.kill(signal));
suite.on('close', (code) => {
  const dead = beside.filter(
    ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null,
  );
  for (const one of beside) one.kill();
  if (dead.length > 0) console.error(`${dead.length} of the busy processes ended too early`);
  process.exitCode = dead.length > 0 ? 1 : (code ?? 1);
});

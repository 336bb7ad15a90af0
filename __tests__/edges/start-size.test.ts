import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// What is loaded before the first request of a run leaves: V8 reads a kilobyte in 0.05 ms, and
// nothing else happens meanwhile. What few runs need, and what is needed only when the first answer
// is there, belongs into files that are loaded then (CONTRIBUTING.md, "dist/").
it.each<[string, number, readonly string[]]>([
  ['sign', 173_000, ['sign.js', 'sign/run.js']],
  ['attest', 181_500, ['attest.js', 'attest/run.js']],
  ['verify', 166_000, ['verify.js', 'verify/run.js']],
  ['promote', 257_500, ['promote.js', 'promote/run.js']],
  ['keygen', 205_000, ['keygen.js', 'keygen/run.js']],
  ['the command', 256_000, ['cli.js', 'cli/begin.js', 'cli/shared.js', 'cli/sign.js']],
])('the start of %s is at most %d bytes', (_, most, files) => {
  const sizes = files.map((file) => statSync(join(import.meta.dirname, '../../dist', file)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(most);
});

// Holds an honest pattern against one identity after the other, in a process of its own that
// pattern.test.ts stops for a while now and then.
import { matches } from '../../src/signature/matcher.ts';
import { compilePattern } from '../../src/signature/pattern.ts';

const pattern = compilePattern('https://github\\.com/acme/.*');
process.stdout.write('started\n');
const end = performance.now() + 3_000;
for (let index = 0; performance.now() < end; index++) {
  if (!matches({ pattern }, `https://github.com/acme/app-${index}`))
    throw new Error(`no match at ${index}`);
}

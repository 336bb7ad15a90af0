// Preloaded by the sandbox's runner with `measure: true`: writes the peak memory and the size of
// every JavaScript file that was loaded.
import { statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const loaded = new Map();
module.registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) loaded.set(fileURLToPath(url), undefined);
    return next(url, context);
  },
});
const target = process.env.SANDBOX_MEASURE_FILE;
delete process.env.SANDBOX_MEASURE_FILE;
process.on('exit', () => {
  const files = [...loaded.keys()].map((file) => ({ file, bytes: statSync(file).size }));
  writeFileSync(
    target,
    JSON.stringify({ maxRssKb: process.resourceUsage().maxRSS, loaded: files }),
  );
});

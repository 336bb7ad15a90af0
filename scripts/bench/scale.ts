// Does time grow with the work, and memory not? `npm run bench:scale`: many images in one step, an
// index with many manifests, an image with many signatures, a registry that allows ten requests a
// second. The built action against the sandbox's registry in this process.
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { plantSignatures } from '../../__tests__/faults/plant.ts';
import { pushImage } from '../../__tests__/sandbox/images.ts';
import { startRegistry } from '../../__tests__/sandbox/registry.ts';
import { type RunResult, runAction } from '../../__tests__/sandbox/runner.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const cosignPub = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const root = process.env.ACTION_ROOT ?? join(import.meta.dirname, '..', '..');
const keyed = { key, tlog: 'false', timeout: '10m' };
let bad = 0;

/** One row: what was done how often, and what it took. */
interface Row {
  readonly size: number;
  readonly seconds: number;
  readonly requests: number;
  readonly mebibytes: number;
}

await table(
  'images in one step, both formats, read back; no referrers API',
  [25, 50, 100, 200],
  async (size) => {
    await using registry = await startRegistry();
    const images: string[] = [];
    for (let seed = 0; seed < size; seed++)
      images.push((await pushImage(registry.host, 'scale/app', { seed })).reference);
    return await measured(registry, size, { ...keyed, images: images.join('\n') });
  },
);

await table(
  'manifests in one index, recursive, both formats; referrers API',
  [5, 10, 20, 40],
  async (size) => {
    await using registry = await startRegistry({ referrersApi: true, ociSubject: true });
    const { reference } = await pushImage(registry.host, 'scale/app', { platforms: size });
    return await measured(registry, size, { ...keyed, images: reference, recursive: 'true' });
  },
);

await table(
  'signatures of one image, half in each format, verified',
  [125, 250, 500, 1000],
  async (size) => {
    await using registry = await startRegistry({ referrersApi: true });
    const { digest, reference } = await pushImage(registry.host, 'scale/app');
    await plantSignatures(registry.store, 'scale/app', digest, size, key);
    return await measured(
      registry,
      size,
      { images: reference, key: cosignPub, tlog: 'ignore', timeout: '10m' },
      'dist/verify.js',
    );
  },
);

await limited(10);
process.exitCode = bad === 0 ? 0 : 1;

async function measured(
  registry: { requests: { length: number } },
  size: number,
  inputs: Record<string, string>,
  entry = 'dist/sign.js',
): Promise<Row> {
  const before = registry.requests.length;
  const result = await runAction({ root, entry, inputs, measure: true, limitMs: 600_000 });
  if (result.code !== 0)
    throw new Error(`the run failed:\n${result.stdout.slice(-3000)}\n${result.stderr.slice(-500)}`);
  return {
    size,
    seconds: result.durationMs / 1000,
    requests: registry.requests.length - before,
    mebibytes: (result.maxRssKb ?? 0) / 1024,
  };
}

/**
 * Prints the rows with what each doubling cost; more than 2.6 times the time, or a third more
 * memory from first to last, is too much.
 */
async function table(
  title: string,
  sizes: readonly number[],
  run: (size: number) => Promise<Row>,
): Promise<void> {
  console.log(`\n${title}\n${line(['number', 'seconds', '×', 'requests', 'each', 'MiB', '×'])}`);
  let last: Row | undefined;
  for (const size of sizes) {
    const row = await run(size);
    const growth = last === undefined ? undefined : row.seconds / last.seconds;
    const swell = last === undefined ? undefined : row.mebibytes / last.mebibytes;
    if ((growth ?? 0) > 2.6 || (swell ?? 0) > 1.35) bad++;
    console.log(
      line([
        String(size),
        row.seconds.toFixed(2),
        growth?.toFixed(2) ?? '',
        String(row.requests),
        (row.requests / size).toFixed(1),
        row.mebibytes.toFixed(0),
        swell?.toFixed(2) ?? '',
      ]),
    );
    last = row;
  }
}

/**
 * A registry that refuses more than so many requests a second: is it respected, and is the work
 * done all the same?
 */
async function limited(perSecond: number): Promise<void> {
  console.log(
    `\na registry that allows ${perSecond} requests a second\n${line(['images', 'seconds', 'requests', 'refused', 'a second', ''])}`,
  );
  for (const size of [5, 10, 20]) {
    await using registry = await startRegistry({ referrersApi: true, rateLimit: 1000 });
    const images: string[] = [];
    for (let seed = 0; seed < size; seed++)
      images.push((await pushImage(registry.host, 'scale/app', { seed })).reference);
    await using strict = await startRegistry({
      referrersApi: true,
      rateLimit: perSecond,
      retryAfter: 'seconds',
    });
    for (const [name, content] of registry.store.repositories)
      strict.store.repositories.set(name, content);
    const inputs = {
      ...keyed,
      images: images.map((text) => text.replace(registry.host, strict.host)).join('\n'),
    };
    const result: RunResult = await runAction({ root, inputs, limitMs: 600_000 });
    const refused = strict.requests.filter(({ status }) => status === 429).length;
    const taken = strict.requests.length - refused;
    const seconds = result.durationMs / 1000;
    if (result.code !== 0) bad++;
    console.log(
      line([
        String(size),
        seconds.toFixed(1),
        String(strict.requests.length),
        String(refused),
        (taken / seconds).toFixed(1),
        result.code === 0 ? 'done' : 'FAILED',
      ]),
    );
    if (result.code !== 0) console.log(result.shown.slice(-1500));
  }
}

function line(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(9)).join('');
}

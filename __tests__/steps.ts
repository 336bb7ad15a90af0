import { Worker } from 'node:worker_threads';

/**
 * How many blocks of our code run for each input, as V8 counts them: a cost that no busy machine
 * changes. What regular expressions and built-in functions do inside is not in it:
 * growth.ts sees that.
 * @param module of src/, as a URL
 * @param name of the function that takes the input, as bytes
 */
export async function stepsFor(
  module: URL,
  name: string,
  inputs: readonly string[],
): Promise<readonly number[]> {
  // In a thread of its own: counting ends the coverage of the one that it is done in.
  const worker = new Worker(counter, {
    eval: true,
    workerData: { module: module.href, name, inputs, counted: '/src/' },
  });
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  worker.once('message', resolve);
  worker.once('error', reject);
  return promise.finally(() => worker.terminate());
}

const counter = `
const { workerData, parentPort } = require('node:worker_threads');
const { Session } = require('node:inspector/promises');
(async () => {
  const run = (await import(workerData.module))[workerData.name];
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const steps = [];
  for (const input of workerData.inputs) {
    await session.post('Profiler.takePreciseCoverage');
    run(Buffer.from(input));
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const scripts = result.filter(({ url }) => url.includes(workerData.counted));
    const ranges = scripts.flatMap(({ functions }) => functions.flatMap((one) => one.ranges));
    steps.push(ranges.reduce((sum, { count }) => sum + count, 0));
  }
  parentPort.postMessage(steps);
})();
`;

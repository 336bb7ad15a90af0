// A thread whose files do what no file should be able to do to ours.
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', ({ path, bytes }: { path: string; bytes: Uint8Array }) => {
  const text = Buffer.from(bytes).toString();
  if (text === 'spins') for (;;);
  if (text === 'grows') for (const all: unknown[] = []; ; ) all.push(new Array(100_000).fill(all));
  if (text === 'breaks') throw new Error('broken');
  parentPort?.postMessage({ reading: { kinds: [path], uses: [] } });
});
parentPort?.postMessage({ ready: true });

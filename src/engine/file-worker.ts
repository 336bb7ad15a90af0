// A thread of its own reads the files: a file that takes too long is ended with it, which nothing
// could do on the thread that waits.
import { parentPort } from 'node:worker_threads';
import type { FileReading } from '../references/image-use.ts';
import { readFileReferences } from '../references/read-file.ts';
import type { Answer, Question } from './file-reader.ts';

parentPort?.on('message', ({ path, bytes }: Question) =>
  parentPort?.postMessage(read(path, bytes)),
);
parentPort?.postMessage({ ready: true } satisfies Answer);

/** What cannot be read must not end the run: the other files are judged. */
function read(path: string, bytes: Uint8Array): Answer {
  try {
    const reading: FileReading = readFileReferences(path, bytes);
    return { reading };
  } catch (caught) {
    return { why: `cannot be read (${caught instanceof Error ? caught.name : 'error'})` };
  }
}

// A thread of its own reads the files: a file that takes too long is ended with it, which nothing
// could do on the thread that waits.
import { parentPort } from 'node:worker_threads';
import type { FileReading } from '../references/image-use.ts';
import { readBuilt, readFileReferences } from '../references/read-file.ts';
import type { Answer, Question } from './file-reader.ts';

parentPort?.on('message', (question: Question) => parentPort?.postMessage(read(question)));
parentPort?.postMessage({ ready: true } satisfies Answer);

/** What cannot be read must not end the run: the other files are judged. */
function read({ path, bytes, envFiles, arguments: given }: Question): Answer {
  try {
    const reading: FileReading =
      given === undefined
        ? readFileReferences(path, bytes, envFiles)
        : { kinds: ['Dockerfile'], uses: readBuilt(bytes, given) };
    return { reading };
  } catch (caught) {
    return { why: `cannot be read (${caught instanceof Error ? caught.name : 'error'})` };
  }
}

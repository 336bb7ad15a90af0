import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import type { Deadline } from '../http/deadline.ts';
import type { EnvFile } from '../references/environment.ts';
import type { BuildArgument, FileReading } from '../references/image-use.ts';

/** What the thread is asked. */
export interface Question extends Beside {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What other files say about one. */
export interface Beside {
  /** the `.env` files that may set its variables */
  readonly envFiles?: readonly EnvFile[];
  /** of a Dockerfile: only what these make of it is asked for */
  readonly arguments?: readonly BuildArgument[];
}

/** What it says: once that it has started, then once for each question. */
export type Answer =
  | { readonly ready: true }
  | { readonly reading: FileReading }
  | { readonly why: string };

export interface FileReader {
  /**
   * Reads a file in its share of the time; files are read one after the other.
   * @returns undefined where the share was too short: `readLonger` may do it when the others are
   * read
   * @throws the reason of the deadline
   */
  read(path: string, bytes: Uint8Array, beside?: Beside): Promise<FileReading | undefined>;
  /** Reads a file in half of the time that is left for all; unresolved where that is too short. */
  readLonger(path: string, bytes: Uint8Array, beside?: Beside): Promise<FileReading>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** A file gets this part of the time for all, so that one cannot take it from the others. */
const share = 1 / 16;
/** The heap of the thread: what needs more is unresolved, and the step goes on. */
const memory = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 };

/** In `dist/` a file beside this one, built by itself (scripts/build.mjs). */
const ownWorker = new URL(
  import.meta.url.endsWith('.ts') ? './file-worker.ts' : './file-worker.js',
  import.meta.url,
);

/**
 * Starts a thread that reads files for their images. All of them together get half of the time that
 * the step has left: a file that is made to be read slowly must leave time to judge the others.
 */
export function openFileReader(
  { clock, deadline }: { readonly clock: Clock; readonly deadline: Deadline },
  worker: URL = ownWorker,
): FileReader {
  const budget = deadline.remaining() / 2;
  let left = budget;
  let thread: Promise<Worker> | undefined = start(worker, deadline);
  thread.catch(() => {}); // told to whoever reads first
  let last: Promise<unknown> = Promise.resolve();
  const readOne = async (question: Question, limit: number): Promise<Answer | undefined> => {
    thread ??= start(worker, deadline);
    const running = await thread;
    const began = clock.now();
    const answer = await ask(running, question, { clock, deadline, limit });
    left = Math.max(0, left - (clock.now() - began));
    if (answer !== undefined && !('broken' in answer)) return answer;
    thread = undefined;
    await running.terminate();
    return answer === undefined ? undefined : { why: answer.broken };
  };
  const inTurn = (question: Question, limit: () => number): Promise<FileReading | undefined> => {
    const turn = last.then(() => readOne(question, limit()));
    last = turn.catch(() => {});
    return turn.then((answer) => answer && readingOf(answer, question.path));
  };
  return {
    read: (path, bytes, beside) =>
      inTurn({ path, bytes, ...beside }, () => Math.min(budget * share, left / 2)),
    readLonger: async (path, bytes, beside) =>
      (await inTurn({ path, bytes, ...beside }, () => left / 2)) ??
      unread(path, 'takes longer to read than this step has time'),
    close: async () => {
      await (await thread?.catch(() => undefined))?.terminate();
    },
  };
}

function readingOf(answer: Answer, path: string): FileReading {
  if ('reading' in answer) return answer.reading;
  return unread(path, 'why' in answer ? answer.why : 'was not read');
}

function unread(path: string, why: string): FileReading {
  return { kinds: ['unreadable'], uses: [{ line: 1, written: path, why }] };
}

async function start(url: URL, { signal }: Deadline): Promise<Worker> {
  signal.throwIfAborted();
  const worker = new Worker(url, {
    resourceLimits: memory,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Worker>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  worker.once('message', () => resolve(worker));
  worker.once('error', reject);
  try {
    return await promise;
  } catch (caught) {
    void worker.terminate();
    throw caught;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @returns undefined where `limit` is over before; `broken`, why the thread has ended */
async function ask(
  worker: Worker,
  question: Question,
  tools: { readonly clock: Clock; readonly deadline: Deadline; readonly limit: number },
): Promise<Answer | { readonly broken: string } | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<
    Answer | { readonly broken: string } | undefined
  >();
  const { signal } = tools.deadline;
  const abort = () => reject(signal.reason);
  const fail = ({ code }: NodeJS.ErrnoException) =>
    resolve({
      broken:
        code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'takes too much memory to read' : 'cannot be read',
    });
  signal.addEventListener('abort', abort, { once: true });
  worker.once('message', resolve);
  worker.once('error', fail);
  const cancel = tools.clock.timer(tools.limit, () => resolve(undefined));
  worker.postMessage(question);
  try {
    signal.throwIfAborted();
    return await promise;
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
    worker.off('message', resolve);
    worker.off('error', fail);
  }
}

import type { Writable } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { secondsInWords } from '../../clock.ts';
import type { Masker } from '../../engine/world.ts';
import { secretForms } from '../../keys/mask.ts';
import { shownLines } from '../../text/untrusted.ts';
import { causeChain, type Log, withoutFences } from '../action/log.ts';
import { createMasker } from '../action/masker.ts';
import { inFlags } from './in-flags.ts';

/** Where a command prints. */
export interface Streams {
  readonly stdout: Pick<Writable, 'write'>;
  readonly stderr: Pick<Writable, 'write'> & { readonly isTTY?: boolean };
}

/** What a person reads, and what a program does. */
export interface Terminal extends Log {
  /** nothing that was masked is printed from then on, to either stream */
  readonly mask: Masker;
  /** A line that says how far the run is; on a terminal only, and gone when the next line comes. */
  progress(words: string): void;
  /** Lines on stdout. */
  print(text: string): void;
  /** A file on stdout, whole and as it is, but for secrets: what is written in it is ours. */
  document(text: string): void;
  /** One JSON document on stdout. */
  json(document: object): void;
  /** Ends the line of progress. */
  close(): void;
}

interface Setting {
  readonly streams: Streams;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** the flags of the command */
  readonly names: ReadonlySet<string>;
  readonly debug: boolean;
}

/**
 * Opens what a command prints to. No runner masks anything here, so secrets are taken out of every
 * text before it leaves; and every text is cleaned, so callers may pass what a registry said.
 */
export function openTerminal({ streams, clock, env, names, debug }: Setting): Terminal {
  const secrets = new Set<string>();
  const mask = createMasker(secretForms, (secret) => void secrets.add(secret));
  const hide = (text: string) => withoutSecrets(text, secrets);
  const moving = openProgress(streams.stderr, clock, env);
  // Before it is cleaned and after: cleaning writes some characters otherwise.
  const clean = (text: string) => hide(shownLines(hide(text)));
  const print = (text: string) => moving.around(() => streams.stderr.write(`${clean(text)}\n`));
  const say = (text: string) => print(inFlags(text, names));
  return {
    mask,
    info: say,
    notice: (text) => say(`note: ${text}`),
    warning: (text) => say(`warning: ${text}`),
    debug: (text) => {
      if (debug) print(`debug: ${text}`);
    },
    error(error, about, place, level = 'error') {
      const where = place === undefined ? '' : `${place.file}:${place.line}: `;
      const subject = about === undefined ? '' : `${about}: `;
      say(`${level}: ${where}${subject}${error.code}: ${error.message}`);
      const fix = withoutFences(inFlags(error.fix, names));
      if (fix !== '') print(fix.replace(/^(?=.)/gm, '  '));
      if (!debug) return;
      const causes = error instanceof Error ? error : error.cause;
      for (const line of causeChain(causes)) print(`debug: ${line}`);
    },
    progress: (words) => moving.show(clean(words)),
    print: (text) => moving.around(() => streams.stdout.write(`${clean(text)}\n`)),
    document: (text) => moving.around(() => streams.stdout.write(hide(text))),
    json: (document) => {
      const text = JSON.stringify(inEveryText(document, hide), undefined, 2);
      moving.around(() => streams.stdout.write(`${text}\n`));
    },
    close: moving.close,
  };
}

/** A secret may be a part of another one: the longest goes first. */
function withoutSecrets(text: string, secrets: ReadonlySet<string>): string {
  return [...secrets]
    .sort((one, other) => other.length - one.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}

/** In texts alone, so that the document stays one, however short a password is. */
function inEveryText(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((entry) => inEveryText(entry, change));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, entry]) => [name, inEveryText(entry, change)]);
  return Object.fromEntries(entries);
}

/** CI systems may give a job a terminal, and keep what is printed as a log. */
function openProgress(stderr: Streams['stderr'], clock: Clock, env: NodeJS.ProcessEnv) {
  const moves = stderr.isTTY === true && !env.CI && env.TERM !== 'dumb';
  const started = clock.now();
  let words: string | undefined;
  let cancel: (() => void) | undefined;
  const erase = () => void (words !== undefined && stderr.write('\r\u001b[K'));
  const draw = () => {
    if (words === undefined) return;
    stderr.write(`\r\u001b[K${words.slice(0, 60)} … ${secondsInWords(clock.now() - started)}`);
    cancel?.();
    cancel = clock.timer(1000, draw, { keepAlive: false });
  };
  return {
    show(text: string) {
      if (!moves) return;
      words = text;
      draw();
    },
    around(work: () => void) {
      erase();
      work();
      draw();
    },
    close() {
      erase();
      words = undefined;
      cancel?.();
    },
  };
}

import * as core from '@actions/core';
import { shown, shownLines } from '../../text/untrusted.ts';
import { chapterUrl, withOwnUses } from '../report/own-repository.ts';

/**
 * What a person reads while the step runs. Every text is cleaned here, so callers may pass what a
 * registry said.
 */
export interface Log {
  /** one line, or several; no annotation */
  info(text: string): void;
  /** an annotation on the run: something to know, nothing is wrong */
  notice(text: string, title?: string): void;
  warning(text: string, title?: string, place?: Place): void;
  /**
   * an annotation with the code, what happened, what to change, and where that is explained; the
   * causes go to the debug log. Does not end the step. A `warning` is the same, where it is only
   * reported.
   */
  error(error: LoggedError, about?: string, place?: Place, level?: 'error' | 'warning'): void;
  /** shown when the run is repeated with debug logging */
  debug(text: string): void;
}

/** A Failure is one. */
export interface LoggedError {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly cause?: unknown;
  /** anchor of its chapter in docs/troubleshooting.md; default: the code */
  readonly chapter?: string;
}

/** Where in the repository's files an annotation is shown. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** The workflow commands that the log is made of; @actions/core has them. */
export interface Commands {
  info(message: string): void;
  notice(message: string, properties?: { title?: string }): void;
  warning(message: string, properties?: Properties): void;
  error(message: string, properties?: Properties): void;
  debug(message: string): void;
  isDebug(): boolean;
}

interface Properties {
  readonly title?: string;
  readonly file?: string;
  readonly startLine?: number;
}

const runnerCommands: Commands = {
  info: core.info,
  notice: core.notice,
  warning: core.warning,
  error: core.error,
  debug: core.debug,
  isDebug: core.isDebug,
};

/** A log for the runner. It folds nothing: who opens a log looks for results. */
export function createLog(
  commands: Commands = runnerCommands,
  env: NodeJS.ProcessEnv = process.env,
): Log {
  // The runner drops these lines unless debug logging is on (it sets RUNNER_DEBUG then), and making
  // them costs time at every answer.
  const isDebug = commands.isDebug();
  const debug = (text: string) => {
    if (isDebug) commands.debug(shownLines(text));
  };
  return {
    debug,
    info: (text) => commands.info(shownLines(text)),
    notice: (text, title) => commands.notice(shownLines(text), titled(title)),
    warning: (text, title, place) =>
      commands.warning(shownLines(text), { ...titled(title), ...placed(place) }),
    error(error, about, place, level = 'error') {
      const subject = about === undefined ? '' : `${about}: `;
      const page = chapterUrl(error.chapter ?? error.code, env);
      const lines = [
        `${subject}${error.code}: ${error.message}`,
        withOwnUses(withoutFences(error.fix), env),
        ...(page === undefined ? [] : [`See ${page}`]),
      ];
      commands[level](shownLines(lines.join('\n')), {
        title: `sign-image: ${error.code}`,
        ...placed(place),
      });
      const causes = error instanceof Error ? error : error.cause;
      if (isDebug) for (const line of causeChain(causes)) debug(line);
    },
  };
}

/**
 * The error and its causes, outermost first, each with where it was thrown; at most eight (a cause
 * may point to itself).
 */
export function causeChain(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (let current = error; current !== undefined && current !== null && lines.length < 8; ) {
    const prefix = lines.length === 0 ? 'error' : 'caused by';
    const text =
      current instanceof Error
        ? `${current.name}: ${current.message}\n${framesOf(current)}`
        : String(current);
    lines.push(`${prefix}: ${text}`.trimEnd());
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
}

/** The fences of YAML are for Markdown; plain text shows their lines as they are. */
export function withoutFences(text: string): string {
  return text.replace(/^```\w*\n/gm, '').replace(/\n```$/gm, '');
}

function titled(title: string | undefined): { title?: string } {
  return title === undefined ? {} : { title: shown(title, 4000) };
}

function placed(place: Place | undefined): Properties {
  return place === undefined ? {} : { file: shown(place.file, 4000), startLine: place.line };
}

/** Only the stack's frames: its head repeats the message, which may have many lines. */
function framesOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.slice(0, 6).join('\n');
}

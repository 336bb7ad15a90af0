import * as core from '@actions/core';
import type { Failure } from '../failure.ts';
import { shown, shownLines } from '../text/untrusted.ts';

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
   * an annotation with what happened and what to change; the causes go to the debug log. Does not
   * end the step.
   */
  error(failure: Failure, about?: string, place?: Place): void;
  /** shown when the run is repeated with debug logging */
  debug(text: string): void;
  /** folds what `work` logs under one heading */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
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
  startGroup(name: string): void;
  endGroup(): void;
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
  // The runner drops these lines unless debug logging is on (it sets RUNNER_DEBUG then), and
  // writing them costs time at every answer.
  debug: (message) => {
    if (core.isDebug()) core.debug(message);
  },
  startGroup: core.startGroup,
  endGroup: core.endGroup,
};

/** A log for the runner. Groups do not nest on GitHub: a group inside a group is only its lines. */
export function createLog(commands: Commands = runnerCommands): Log {
  let open = false;
  return {
    info: (text) => commands.info(shownLines(text)),
    notice: (text, title) => commands.notice(shownLines(text), titled(title)),
    warning: (text, title, place) =>
      commands.warning(shownLines(text), { ...titled(title), ...placed(place) }),
    debug: (text) => commands.debug(shownLines(text)),
    error(failure, about, place) {
      const subject = about === undefined ? '' : `${about}: `;
      commands.error(shownLines(`${subject}${failure.message}\n${withoutFences(failure.fix)}`), {
        title: `sign-image: ${failure.code}`,
        ...placed(place),
      });
      for (const line of causeChain(failure)) commands.debug(shownLines(line));
    },
    async group(title, work) {
      if (open) return work();
      open = true;
      commands.startGroup(shown(title, 4000));
      try {
        return await work();
      } finally {
        open = false;
        commands.endGroup();
      }
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

/** The fences of YAML are for Markdown; the log shows their lines as they are. */
function withoutFences(text: string): string {
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

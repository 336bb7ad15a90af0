// One question put to our gate and to real cosign: every answer of ours is what it should be, and
// where the two differ a reason is written down.
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { runAction } from '../sandbox/runner.ts';
import { cosign2, cosign3, type Ran } from './peers.ts';
import { differences } from './verify-differences.ts';

/** What a verifier is told. */
export interface Question {
  /** path of a PEM */
  readonly key?: string;
  readonly identity?: string;
  /** instead of `identity`: a pattern for it */
  readonly pattern?: string;
  readonly issuer?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly tlog?: 'required' | 'ignore';
  readonly recursive?: boolean;
  /** claims, as the inputs `github-…` name them */
  readonly github?: Readonly<Record<string, string>>;
  /** path */
  readonly trustedRoot?: string;
  /** cosign must be told that time comes from a timestamp */
  readonly timestamp?: boolean;
}

export interface Asked {
  /** what was signed, and how: the row of the table */
  readonly about: string;
  /** how the question differs from the good one; `as signed` for the good one */
  readonly asking: string;
  readonly registry: string;
  readonly reference: string;
  readonly question: Question;
  /** `verified`, or the code that every manifest that fails must have */
  readonly expected: string;
  /**
   * cosign 2 sees only legacy signatures: it is asked where there are some, with these flags beside
   */
  readonly cosign2?: readonly string[];
}

interface Row {
  readonly about: string;
  readonly asking: string;
  readonly registry: string;
  readonly ours: string;
  readonly cosign3: string;
  readonly cosign2: string;
  readonly reason: string;
}

/** Collects the answers of one test file. */
export class Comparison {
  readonly #rows: Row[] = [];
  readonly #used = new Set<string>();

  /**
   * Asks all of them; the test fails where ours is not what is expected, and where one of cosign's
   * differs without a documented reason.
   */
  async ask(asked: Asked): Promise<void> {
    const { about, asking, registry } = asked;
    const [ours, three, two] = await Promise.all([
      oursOn(asked),
      cosign3(
        ['verify', ...cosignArguments(asked.question), ...trustOf(asked.question), asked.reference],
        offline,
      ),
      asked.cosign2 === undefined
        ? undefined
        : cosign2(
            ['verify', ...cosignArguments(asked.question), ...asked.cosign2, asked.reference],
            offline,
          ),
    ]);
    const verdicts = { 'cosign 3': three, ...(two === undefined ? {} : { 'cosign 2': two }) };
    const reasons = Object.entries(verdicts).flatMap(([peer, { code }]) =>
      (code === 0) === (ours.answer === 'verified')
        ? []
        : [this.#reason(`${about} | ${asking} | ${peer}`)],
    );
    const verdict = (ran: Ran | undefined) =>
      ran === undefined ? '-' : ran.code === 0 ? 'pass' : 'refuse';
    this.#rows.push({
      about,
      asking,
      registry,
      ours: ours.answer,
      cosign3: verdict(three),
      cosign2: verdict(two),
      reason: [...new Set(reasons)].join('; '),
    });
    expect(ours.answer, `${about}, ${asking}, in ${registry}:\n${ours.log}`).toBe(asked.expected);
    const told = Object.entries(verdicts).map(([peer, { output }]) => `${peer}: ${output}`);
    expect(
      reasons,
      `${about}, ${asking}, in ${registry}: ours ${ours.answer}, and no reason why cosign differs\n${told}`,
    ).not.toContain('');
  }

  #reason(key: string): string {
    this.#used.add(key);
    return differences[key] ?? '';
  }

  /** Prints the table. */
  print(title: string): void {
    const head: Row = {
      about: title,
      asking: 'asked',
      registry: 'registry',
      ours: 'ours',
      cosign3: 'cosign 3',
      cosign2: 'cosign 2',
      reason: 'why they differ',
    };
    const columns = [
      'about',
      'asking',
      'registry',
      'ours',
      'cosign3',
      'cosign2',
      'reason',
    ] as const;
    const all = [head, ...this.#rows];
    const width = (column: keyof Row) => Math.max(...all.map((row) => row[column].length));
    const lines = all.map((row) =>
      columns
        .map((column) => row[column].padEnd(width(column)))
        .join('  ')
        .trimEnd(),
    );
    console.log(
      `\n${lines.join('\n')}\n${this.#rows.length} questions, ${this.#rows.filter(({ reason }) => reason !== '').length} with a documented difference`,
    );
  }

  /**
   * Documented differences about `subjects` that were not seen: what is written down must be true.
   */
  unseen(subjects: readonly string[]): readonly string[] {
    return Object.keys(differences).filter(
      (key) => subjects.includes(key.split(' | ', 1)[0] ?? '') && !this.#used.has(key),
    );
  }
}

/**
 * Without a log entry cosign asks the public Rekor, whatever it is told to trust: here it meets a
 * closed door.
 */
const offline = { HTTPS_PROXY: 'http://127.0.0.1:9' };

async function oursOn({ reference, question }: Asked): Promise<{ answer: string; log: string }> {
  const {
    key,
    identity = '',
    pattern,
    issuer = '',
    annotations = {},
    tlog = 'required',
    recursive = false,
    github = {},
    trustedRoot,
  } = question;
  const who: Record<string, string> =
    pattern === undefined
      ? { 'certificate-identity': identity }
      : { 'certificate-identity-regexp': pattern };
  const signer: Record<string, string> =
    key === undefined
      ? { ...who, 'certificate-oidc-issuer': issuer }
      : { key: await readFile(key, 'utf8') };
  const { code, outputs, stdout } = await runAction({
    entry: 'dist/verify.js',
    inputs: {
      images: reference,
      tlog,
      recursive: String(recursive),
      annotations: Object.entries(annotations)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
      ...signer,
      ...Object.fromEntries(
        Object.entries(github).map(([name, value]) => [`github-${name}`, value]),
      ),
      ...(trustedRoot === undefined ? {} : { 'trusted-root': trustedRoot }),
    },
  });
  const results = JSON.parse(outputs.results ?? '[]') as { verified: boolean; code?: string }[];
  const good =
    code === 0 &&
    outputs.verified === 'true' &&
    results.length > 0 &&
    results.every(({ verified }) => verified);
  const codes = new Set(
    results.flatMap(({ verified, code: reason = '?' }) => (verified ? [] : [reason])),
  );
  return { answer: good ? 'verified' : [...codes].join('+') || `exit code ${code}`, log: stdout };
}

const claimFlags: Readonly<Record<string, string>> = {
  repository: 'repository',
  ref: 'ref',
  sha: 'sha',
  event: 'trigger',
};

/** What cosign 2 and 3 are both told. */
function cosignArguments({
  key,
  identity = '',
  issuer = '',
  annotations = {},
  tlog,
  github = {},
  timestamp = false,
}: Question): string[] {
  return [
    ...(key === undefined
      ? ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]
      : ['--key', key]),
    ...Object.entries(github).flatMap(([name, value]) => [
      `--certificate-github-workflow-${claimFlags[name]}`,
      value,
    ]),
    // cosign reads this flag as a line of CSV.
    ...Object.entries(annotations).flatMap(([name, value]) => [
      '-a',
      `"${`${name}=${value}`.replaceAll('"', '""')}"`,
    ]),
    ...(tlog === 'ignore' ? ['--insecure-ignore-tlog=true'] : []),
    ...(timestamp ? ['--use-signed-timestamps'] : []),
    '--allow-http-registry',
  ];
}

function trustOf({ trustedRoot }: Question): string[] {
  return trustedRoot === undefined ? [] : ['--trusted-root', trustedRoot];
}

import type { PromoteRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { type Destination, parseDestination } from '../../image/targets.ts';
import { shown } from '../../text/untrusted.ts';
import { otherNames } from './other-names.ts';
import { promoteTable } from './promote-table.ts';
import { type InputSource, optional, readTable, runnerInputs } from './read.ts';
import { notOurs } from './rules.ts';
import { readVerifyInputs } from './verify.ts';

/** The inputs of sign-image/promote, read once. */
export interface PromoteInputs extends PromoteRequest {
  readonly warnings: readonly string[];
}

type Included = PromoteRequest['include'][number];

const mostTargets = 50;
const words: readonly string[] = ['all', 'signatures', 'attestations'];

/**
 * Reads and checks all inputs of sign-image/promote. What says whose signature counts is read and
 * checked as the gate does it.
 * @param compilePattern signature/pattern.ts, where `hasPatterns` says so
 * @throws {Failure} `bad-input`, `bad-reference`, `bad-digest`, `bad-annotation`
 */
export function readPromoteInputs(
  masker: Masker,
  source: InputSource = runnerInputs,
  compilePattern?: Parameters<typeof readVerifyInputs>[2],
): PromoteInputs {
  const read = readTable(promoteTable, source, masker);
  // Left out silently, a condition that was misspelt would let through what it should have stopped.
  const wrong = otherNames(source, 'promote', promoteTable).find(({ harmless }) => !harmless);
  if (wrong !== undefined) throw notOurs(wrong);
  refuseGate(source);
  if (read.images.length === 0 && read.metadata === undefined)
    throw bad(
      'Nothing to promote: inputs images and metadata are both empty.',
      'Name the image, for example:\n```yaml\nwith:\n  images: ghcr.io/acme/app:1.2.0\n```',
    );
  const to = targetsOf(read.to);
  const include = includedOf(read.include);
  const inputs = readVerifyInputs(masker, asGate(source), compilePattern);
  checkIncluded(include, inputs);
  return {
    ...inputs,
    to,
    include,
    ...optional('toSignatureRepository', read['to-signature-repository']),
    timeout: read.timeout,
  };
}

/** The gate reads what promote declares, and nothing else that a workflow may set. */
function asGate({ get, env }: InputSource): InputSource {
  return {
    get: (name, options) => (Object.hasOwn(promoteTable, name) ? get(name, options) : ''),
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !/^INPUT_/i.test(name))),
  };
}

/** What narrows or widens a gate, and is no input here, would be a condition that nobody checks. */
function refuseGate(source: InputSource): void {
  for (const name of ['files', 'changed-only', 'only-images', 'skip-images', 'fail'])
    if (source.get(name) !== '')
      throw notOurs({
        wrong: name,
        fix: `Remove \`${name}\`: what is promoted stands in \`images\`, and each must verify.`,
        harmless: false,
      });
}

function targetsOf(lines: readonly string[]): readonly [Destination, ...Destination[]] {
  const [first, ...more] = lines.map(parseDestination);
  if (first === undefined)
    throw bad(
      'Nothing says where to: input to is empty.',
      'Name the targets, one a line:\n```yaml\nwith:\n  to: registry.example.com/prod/app\n```',
    );
  if (lines.length > mostTargets)
    throw bad(
      `Input to has ${lines.length} targets, more than ${mostTargets}.`,
      'Use several steps.',
    );
  return [first, ...more];
}

function includedOf(lines: readonly string[]): readonly Included[] {
  const given = lines.flatMap((line) => line.split(',')).map((word) => word.trim());
  const unknown = given.find((word) => !words.includes(word));
  if (unknown !== undefined)
    throw bad(
      `Input include has "${shown(unknown, 100)}", which is none of ${words.join(', ')}.`,
      'Write `include: all`, or what shall go along, one a line.',
    );
  return given as Included[];
}

/** What is left behind cannot be verified at the target. */
function checkIncluded(
  include: readonly Included[],
  { attestationTypes, signature }: Pick<PromoteRequest, 'attestationTypes' | 'signature'>,
): void {
  const has = (kind: Included) => include.includes('all') || include.includes(kind);
  if (attestationTypes.length > 0 && !has('attestations'))
    throw bad(
      'Input attestation-type asks for attestations at the target too, and include leaves them behind.',
      'Write `include: all`, or add `attestations`.',
    );
  if (signature === 'required' && !has('signatures'))
    throw bad(
      'The signature is asked for at the target too, and include leaves it behind.',
      'Write `include: all`, or add `signatures`.',
    );
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}

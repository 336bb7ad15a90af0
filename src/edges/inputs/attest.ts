import type { AttestRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { otherNames } from './other-names.ts';
import { type InputSource, optional, readTable, runnerInputs } from './read.ts';
import { checkSignInputs, type WriteInputs } from './rules.ts';
import { writeInputsOf } from './sign.ts';
import { attestTable } from './table.ts';

/** The inputs of sign-image/attest, read once. */
export interface AttestInputs extends AttestRequest, WriteInputs {
  readonly warnings: readonly string[];
}

/**
 * Reads and checks all inputs of sign-image/attest.
 * @throws {Failure} `bad-input`, `bad-digest`, naming the input and what to write instead.
 */
export function readAttestInputs(masker: Masker, source: InputSource = runnerInputs): AttestInputs {
  const read = readTable(attestTable, source, masker);
  const inputs = {
    ...writeInputsOf(read),
    ...optional('predicateType', read['predicate-type']),
    ...optional('predicate', read.predicate),
    ...optional('sbom', read['sbom-path']),
  };
  const mistakes = otherNames(source, 'attest', attestTable);
  const warnings = checkSignInputs(inputs, mistakes, source.env, 'attest');
  checkPredicate(inputs);
  return { ...inputs, warnings };
}

const example =
  'Name the document:\n```yaml\nwith:\n  sbom-path: sbom.spdx.json\n  # or\n  predicate-type: https://example.com/scan/v1\n  predicate: scan.json\n```';

/** What is attested, and as what, must not be a guess. @throws {Failure} `bad-input` */
function checkPredicate({ predicateType, predicate, sbom }: AttestRequest): void {
  if (predicate !== undefined && sbom !== undefined)
    throw bad(
      'Inputs predicate and sbom-path are both set, and a step attests one document.',
      'Keep one of them; for both, use two steps.',
    );
  if (sbom !== undefined && predicateType !== undefined)
    throw bad(
      'Input predicate-type is set beside sbom-path, and the type of an SBOM is read from it.',
      'Remove `predicate-type`; or attest the file as another type with `predicate` in place of `sbom-path`.',
    );
  if (predicate === undefined && sbom === undefined)
    throw bad('Nothing to attest: inputs predicate and sbom-path are both empty.', example);
  if (predicate !== undefined && predicateType === undefined)
    throw bad(
      'Input predicate is set, and predicate-type does not say what it is.',
      'Add the type, such as `predicate-type: slsaprovenance1`, or the URI of your own.',
    );
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}

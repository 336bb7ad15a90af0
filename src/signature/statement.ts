import { type Digest, hexOf } from '../image/digest.ts';
import { shown } from '../text/untrusted.ts';
import { isObject, parseJson, Refusal } from './refusal.ts';

/** DSSE payload type of an in-toto statement. */
export const statementType = 'application/vnd.in-toto+json';
/** The one predicate type that says "this image is signed" (cosign 3). */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

const inTotoType = 'https://in-toto.io/Statement/v1';
const limits = { maxBytes: 1 << 18, maxDepth: 16 };

/**
 * What a signature says once its kind is known: of which image, with which annotations. Both
 * formats say the same two things.
 */
export interface Claim {
  /** 64 hexadecimal digits as they stand there; not checked for form, only ever compared */
  readonly sha256: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** what simple signing calls the image; a statement has no name for it */
  readonly dockerReference?: string;
}

/**
 * The in-toto v1 statement that cosign 3 signs, byte for byte: one unnamed subject, `annotations`
 * always there (`{}` when none) with sorted keys.
 * @param annotations names and values as they are to be signed
 */
export function makeStatement(
  digest: Digest,
  annotations: Readonly<Record<string, string>>,
): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: inTotoType,
      subject: [{ digest: { sha256: hexOf(digest) }, annotations: sortedByBytes(annotations) }],
      predicateType: signPredicateType,
      predicate: {},
    }),
  );
}

/**
 * Reads a statement (in-toto attestation framework, spec/v1/statement.md), strictly: cosign writes
 * exactly one subject, with sha256 alone.
 * @throws {Refusal} `wrong-predicate` when it is some other attestation (provenance, an SBOM),
 * `wrong-subject` when it is not about exactly one sha256 digest, `malformed`, `too-large`.
 */
export function readStatement(payload: Buffer): Claim {
  const statement = parseJson(payload, 'statement', limits);
  if (!isObject(statement)) throw new Refusal('malformed', 'The statement is not a JSON object.');
  if (statement._type !== inTotoType) {
    throw new Refusal(
      'wrong-predicate',
      `The statement is of type ${named(statement._type)}, not in-toto v1.`,
    );
  }
  if (statement.predicateType !== signPredicateType) {
    throw new Refusal(
      'wrong-predicate',
      `It is an attestation of type ${named(statement.predicateType)}, not a signature.`,
    );
  }
  onlyFields(statement, ['_type', 'subject', 'predicateType', 'predicate'], 'statement');
  if (statement.predicate !== undefined && !isObject(statement.predicate)) {
    throw new Refusal('malformed', 'The predicate of the statement is not a JSON object.');
  }
  return readSubject(statement.subject);
}

// Two subjects: which one is signed? A verifier that looks at any and one that looks at the first
// would differ, so neither is accepted.
function readSubject(subjects: unknown): Claim {
  if (!Array.isArray(subjects) || subjects.length !== 1) {
    const count = Array.isArray(subjects) ? subjects.length : 'no list of';
    throw new Refusal(
      'wrong-subject',
      `The statement has ${count} subjects; a signature of an image has exactly one.`,
    );
  }
  const subject: unknown = subjects[0];
  if (!isObject(subject))
    throw new Refusal('malformed', 'The subject of the statement is not a JSON object.');
  onlyFields(subject, ['name', 'digest', 'annotations'], 'subject');
  const digest = subject.digest;
  if (
    !isObject(digest) ||
    Object.keys(digest).length !== 1 ||
    !Object.hasOwn(digest, 'sha256') ||
    typeof digest.sha256 !== 'string'
  ) {
    throw new Refusal(
      'wrong-subject',
      'The subject of the statement is not named by one sha256 digest.',
    );
  }
  return { sha256: digest.sha256, annotations: readAnnotations(subject.annotations) };
}

function readAnnotations(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value))
    throw new Refusal('malformed', 'The annotations of the statement are not a JSON object.');
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw new Refusal('malformed', `The annotation "${shown(name)}" is not a string.`);
  }
  return value as Record<string, string>;
}

/**
 * Names of another case would be the same field to some JSON readers (Go), so a field that is not
 * known is refused.
 */
export function onlyFields(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  what: string,
): void {
  const extra = Object.keys(object).find((name) => !known.includes(name));
  if (extra !== undefined)
    throw new Refusal('malformed', `The ${what} has an unknown field "${shown(extra)}".`);
}

/** The same entries in the order of their names' UTF-8 bytes, as Go writes a map. */
export function sortedByBytes(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
}

function named(value: unknown): string {
  return typeof value === 'string' ? `"${shown(value)}"` : 'none';
}

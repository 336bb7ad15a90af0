import { type Digest, hexOf } from '../image/digest.ts';
import { type JsonReading, readJson } from '../text/json.ts';
import { readMembers } from '../text/json-members.ts';
import { shown } from '../text/untrusted.ts';
import { isObject, Refusal } from './refusal.ts';
import { onlyFields, signPredicateType } from './statement.ts';

/** cosign's names for predicate types, as its `--type` takes them. */
export const predicateTypes = {
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  spdx: 'https://spdx.dev/Document',
  spdxjson: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
  link: 'https://in-toto.io/Link/v1',
  custom: 'https://cosign.sigstore.dev/attestation/v1',
} as const satisfies Readonly<Record<string, string>>;

/**
 * The predicate type URI that a name of cosign's or a URI stands for. Two spellings of one URI are
 * two types: they are only ever compared letter by letter.
 * @returns undefined for what is neither, and for the type that says "this image is signed": a
 * signature is no attestation
 */
export function predicateTypeOf(text: string): string | undefined {
  const names: Readonly<Record<string, string>> = predicateTypes;
  if (Object.hasOwn(names, text)) return names[text];
  const isUri = /^[a-z][a-z0-9+.-]*:[!-~]+$/i.test(text) && URL.canParse(text);
  return isUri && text.length <= 1024 && text !== signPredicateType ? text : undefined;
}

const inTotoV1 = 'https://in-toto.io/Statement/v1';
const statementTypes: readonly unknown[] = [inTotoV1, 'https://in-toto.io/Statement/v0.1'];

/** One predicate may have 16 MiB, and its statement names the subjects besides. */
export const maxPredicateBytes = 16 << 20;
export const maxStatementBytes = maxPredicateBytes + (1 << 20);
/** Images that one statement may be about; a build of a whole monorepo has some hundreds. */
const mostSubjects = 4096;
const headLimits = { maxDepth: 8, maxBytes: 1 << 20 };
/** SBOMs nest components in components. */
const maxPredicateDepth = 128;
const mostPredicateParts = 1_000_000;

/**
 * An in-toto v1 statement about one image. The predicate stands in it letter by letter: a parser
 * would round numbers, and change their order and spelling.
 * @param subject `name` as cosign writes it, `registry/repository`
 * @param predicate JSON text that `readPredicate` has read
 */
export function makeAttestation(
  subject: { readonly name: string; readonly digest: Digest },
  predicateType: string,
  predicate: string,
): Buffer {
  const { name, digest } = subject;
  const head = JSON.stringify({
    _type: inTotoV1,
    subject: [{ name, digest: { sha256: hexOf(digest) } }],
    predicateType,
  });
  const before = `${head.slice(0, -1)},"predicate":`;
  // Written at once to its place: the text may have megabytes.
  const start = Buffer.byteLength(before);
  const statement = Buffer.allocUnsafe(start + Buffer.byteLength(predicate) + 1);
  statement.write(before);
  const end = start + statement.write(predicate, start);
  statement.write('}', end);
  return statement;
}

/** What an attestation says, before its predicate is read. */
export interface AttestationStatement {
  readonly predicateType: string;
  /**
   * sha256 of each subject, as it stands there; not checked for form, only ever compared. Subjects
   * that are named by other algorithms alone are left out.
   */
  readonly subjects: readonly string[];
  /** JSON text, as it was signed; nothing of it has been read */
  readonly predicate: string;
}

/**
 * Reads an in-toto statement, v1 or v0.1, up to its predicate (in-toto attestation framework,
 * spec/v1/statement.md). A statement may be about several images.
 * @throws {Refusal} `wrong-predicate` for what is no statement of these versions; `wrong-subject`
 * where it is about nothing; `malformed`, `too-large`
 */
export function readAttestation(payload: Buffer): AttestationStatement {
  if (payload.length > maxStatementBytes)
    throw new Refusal(
      'too-large',
      `The statement has ${payload.length} bytes; at most ${maxStatementBytes} are read.`,
    );
  const reading = readMembers(payload, 16);
  if ('problem' in reading) throw unreadable('statement', reading.problem);
  const { members } = reading;
  const type = headValue(members, '_type');
  if (!statementTypes.includes(type)) {
    throw new Refusal(
      'wrong-predicate',
      `The statement is of type ${named(type)}, not in-toto v1 or v0.1.`,
    );
  }
  const predicateType = headValue(members, 'predicateType');
  if (typeof predicateType !== 'string' || predicateType === '')
    throw new Refusal('wrong-predicate', 'The statement names no predicate type.');
  // Names of another case would be the same field to readers in Go.
  onlyFields(
    Object.fromEntries(members),
    ['_type', 'subject', 'predicateType', 'predicate'],
    'statement',
  );
  const predicate = members.get('predicate');
  if (predicate === undefined) throw new Refusal('malformed', 'The statement has no predicate.');
  return { predicateType, subjects: readSubjects(headValue(members, 'subject')), predicate };
}

/**
 * Reads a predicate, strictly: whoever reads it after this sees what every careful reader sees.
 * cosign attests SPDX in its text form as one string.
 * @throws {Refusal} `malformed`, `too-large`
 */
export function readPredicate(text: string): unknown {
  if (Buffer.byteLength(text) > maxPredicateBytes)
    throw new Refusal('too-large', `The predicate has more than ${maxPredicateBytes} bytes.`);
  const reading = readPredicateJson(text);
  if ('problem' in reading) throw unreadable('predicate', reading.problem);
  if (!isObject(reading.value) && typeof reading.value !== 'string')
    throw new Refusal('malformed', 'The predicate is neither a JSON object nor a text.');
  return reading.value;
}

/** The JSON of a predicate, read as strictly as any verifier reads it. The caller bounds the size. */
export function readPredicateJson(source: string | Uint8Array): JsonReading {
  return readJson(source, maxPredicateDepth, { mostParts: mostPredicateParts });
}

function headValue(members: ReadonlyMap<string, string>, name: string): unknown {
  const text = members.get(name);
  if (text === undefined) return undefined;
  if (text.length > headLimits.maxBytes)
    throw new Refusal('too-large', `The field ${name} of the statement is too long.`);
  const reading = readJson(text, headLimits.maxDepth);
  if ('problem' in reading) throw unreadable(`field ${name} of the statement`, reading.problem);
  return reading.value;
}

function readSubjects(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new Refusal('wrong-subject', 'The statement names no subject.');
  if (value.length > mostSubjects)
    throw new Refusal('too-large', `The statement has more than ${mostSubjects} subjects.`);
  return value.flatMap((subject: unknown) => {
    if (!isObject(subject) || !isObject(subject.digest))
      throw new Refusal('malformed', 'A subject of the statement is not named by digests.');
    onlyFields(subject, subjectFields, 'subject');
    const { digest } = subject;
    // Go would read `SHA256` in a map as another key, and a struct's reader as this one.
    const sha256 = Object.hasOwn(digest, 'sha256') ? digest.sha256 : undefined;
    if (Object.values(digest).some((text) => typeof text !== 'string'))
      throw new Refusal('malformed', 'A digest of a subject is not a text.');
    return typeof sha256 === 'string' ? [sha256] : [];
  });
}

/** in-toto's ResourceDescriptor; v0.1 has the first two. */
const subjectFields = [
  'name',
  'digest',
  'uri',
  'content',
  'downloadLocation',
  'mediaType',
  'annotations',
];

function unreadable(what: string, problem: string): Refusal {
  return new Refusal('malformed', `The ${what} cannot be read: ${problem}.`);
}

function named(value: unknown): string {
  return typeof value === 'string' ? `"${shown(value)}"` : 'none';
}

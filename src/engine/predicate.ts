import { Failure } from '../failure.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import {
  maxPredicateBytes,
  predicateTypeOf,
  predicateTypes,
  readPredicateJson,
} from '../signature/attestation.ts';
import { isJsonObject } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import type { AttestRequest } from './request.ts';
import type { Files } from './world.ts';

/** What is attested of every image. */
export interface Predicate {
  /** URI */
  readonly type: string;
  /** JSON text, which stands in the statement letter by letter */
  readonly text: string;
  /** of that text */
  readonly digest: Digest;
}

type PredicateRequest = Pick<AttestRequest, 'predicateType' | 'predicate' | 'sbom'>;

/**
 * Reads what is to be attested, out of a file or out of the input itself, and what type it is of.
 * What is signed are its very letters, so it is read as strictly as any verifier may read it.
 * @throws {Failure} `bad-input`, `bad-predicate`, `too-large`
 */
export async function readPredicateInput(
  { predicateType, predicate, sbom }: PredicateRequest,
  files: Pick<Files, 'readFile'>,
): Promise<Predicate> {
  if (sbom !== undefined) {
    const { text, value } = await readJsonFile('sbom-path', sbom, files);
    refuseStatement(value, 'sbom-path');
    return { type: sbomType(value, sbom), text, digest: digestOf(Buffer.from(text)) };
  }
  const type = typeOf(predicateType ?? '');
  const { text, value } = isText(predicate ?? '')
    ? read('predicate', Buffer.from(predicate ?? ''))
    : await readJsonFile('predicate', predicate ?? '', files);
  refuseStatement(value, 'predicate');
  return { type, text, digest: digestOf(Buffer.from(text)) };
}

/** A path never begins as an object does. */
function isText(input: string): boolean {
  return input.trimStart().startsWith('{');
}

function typeOf(written: string): string {
  const type = predicateTypeOf(written);
  if (type !== undefined) return type;
  throw new Failure(
    'bad-input',
    `Input predicate-type is "${shown(written, 200)}", which is neither a name of a type nor the URI of one.`,
    'Write `slsaprovenance1`, `slsaprovenance`, `spdx`, `cyclonedx`, `vuln`, `openvex`, or the URI of a predicate type, such as `https://example.com/scan/v1`.',
  );
}

async function readJsonFile(
  input: string,
  path: string,
  files: Pick<Files, 'readFile'>,
): Promise<{ text: string; value: Readonly<Record<string, unknown>> }> {
  let bytes: Uint8Array;
  try {
    bytes = await files.readFile(path, maxPredicateBytes + 1);
  } catch (caught) {
    const why = caught instanceof Error && 'code' in caught ? String(caught.code) : 'unknown';
    throw new Failure(
      'bad-predicate',
      `Input ${input} names "${shown(path, 200)}", which cannot be read (${why}).`,
      'Check the path, which starts at the workspace, and that an earlier step of this job has written the file.',
      { cause: caught },
    );
  }
  return read(input, bytes);
}

/** The JSON without the white space around it: what a verifier takes out of the statement. */
function read(
  input: string,
  bytes: Uint8Array,
): { text: string; value: Readonly<Record<string, unknown>> } {
  if (bytes.length > maxPredicateBytes) throw tooLarge(input);
  const reading = readPredicateJson(bytes);
  if ('problem' in reading)
    throw new Failure(
      'bad-predicate',
      `What input ${input} names cannot be attested: ${reading.problem}.`,
      'Give one JSON object in UTF-8 without a byte order mark, in which no key stands twice.',
    );
  const { value } = reading;
  if (!isJsonObject(value))
    throw new Failure(
      'bad-predicate',
      `What input ${input} names is JSON, but not an object, and a predicate is one.`,
      'Put it into an object: `{ "value": … }`.',
    );
  return {
    text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').trim(),
    value,
  };
}

function tooLarge(input: string): Failure {
  return new Failure(
    'too-large',
    `What input ${input} names has more than ${maxPredicateBytes} bytes (16 MiB), the most that can be attested.`,
    "GitHub's own attestations have the same limit. Leave out what nobody verifies (of an SBOM the list of files), or publish the document elsewhere and attest its address and digest.",
  );
}

/** BuildKit and others write whole statements to files: what is in them is meant. */
function refuseStatement(value: Readonly<Record<string, unknown>>, input: string): void {
  if (typeof value._type !== 'string' || !value._type.startsWith('https://in-toto.io/Statement/'))
    return;
  throw new Failure(
    'bad-predicate',
    `What input ${input} names is a whole in-toto statement, about subjects of its own.`,
    'Attest what it says: `jq .predicate statement.json > predicate.json`, with its `predicateType` as `predicate-type`.',
  );
}

type Document = Readonly<Record<string, unknown>>;

/** What an SBOM is known by. */
const forms = {
  spdx2: ({ spdxVersion, SPDXID }: Document) =>
    matches(spdxVersion, /^SPDX-2\.\d+$/) && typeof SPDXID === 'string',
  spdx3: (document: Document) => isSpdx3(document['@context']) && '@graph' in document,
  cyclonedx: ({ bomFormat, specVersion }: Document) =>
    bomFormat === 'CycloneDX' && matches(specVersion, /^1\.\d+$/),
} as const;

/**
 * The predicate type of an SBOM, SPDX 2 or 3 or CycloneDX in JSON.
 * @param path for messages
 * @throws {Failure} `bad-predicate` for anything else, and for what is two of them at once
 */
function sbomType(document: Document, path: string): string {
  const found = Object.entries(forms).filter(([, fits]) => fits(document));
  const [form, ...more] = found.map(([name]) => name);
  if (form === undefined || more.length > 0)
    throw new Failure(
      'bad-predicate',
      `Input sbom-path names "${shown(path, 200)}", which is ${form === undefined ? 'neither SPDX nor CycloneDX' : 'SPDX and CycloneDX at once'} in JSON.`,
      'Write the SBOM as JSON, for example with `syft IMAGE -o spdx-json=sbom.spdx.json`. Anything else is attested with `predicate` and `predicate-type`.',
    );
  return form === 'cyclonedx' ? predicateTypes.cyclonedx : predicateTypes.spdx;
}

function matches(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}

/** `https://spdx.org/rdf/3.0.1/spdx-context.jsonld`, alone or in a list. */
function isSpdx3(context: unknown): boolean {
  const contexts: readonly unknown[] = Array.isArray(context) ? context : [context];
  return contexts.some((one) =>
    matches(one, /^https:\/\/spdx\.(?:org|github\.io)\/[\w./-]*\b3\.\d+/),
  );
}

import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';

/** One service of a signing config. */
export interface Service {
  readonly url: URL;
  readonly majorApiVersion: number;
  /** both ends belong to the window; an absent end is open */
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** scheme-less URI; services of one operator count once */
  readonly operator: string;
}

/** How many of the services are used: one, all (one per operator), or exactly `count`. */
export type Selector =
  | { readonly kind: 'ANY' }
  | { readonly kind: 'ALL' }
  | { readonly kind: 'EXACT'; readonly count: number };

/** A Sigstore SigningConfig v0.2, read. */
export interface SigningConfig {
  readonly ca: readonly Service[];
  readonly oidc: readonly Service[];
  readonly rekor: readonly Service[];
  /** there where there are logs */
  readonly rekorSelector?: Selector;
  readonly tsa: readonly Service[];
  readonly tsaSelector?: Selector;
}

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const maxServices = 100;
const selectorNames = ['SERVICE_SELECTOR_UNDEFINED', 'ALL', 'ANY', 'EXACT'] as const;

/**
 * Reads a SigningConfig v0.2 (protobuf JSON of
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto). A field
 * that the specification does not know is refused as protobuf does: a misspelt `rekorTlogUrls`
 * would otherwise mean "no log".
 * @param text the JSON; the caller bounds its size
 * @throws {Failure} `bad-signing-config` naming the field
 */
export function parseSigningConfig(text: string): SigningConfig {
  const reading = readJson(text, 10);
  if ('problem' in reading)
    throw badConfig(`The signing config cannot be read: ${reading.problem}.`);
  const fields = fieldsOf(reading.value, 'the document', [
    'mediaType',
    'caUrls',
    'oidcUrls',
    'rekorTlogUrls',
    'rekorTlogConfig',
    'tsaUrls',
    'tsaConfig',
  ]);
  if (fields.get('mediaType') !== mediaType) {
    const found = fields.get('mediaType');
    throw badConfig(
      `The signing config has ${typeof found === 'string' ? `the media type ${quoted(found)}` : 'no media type'}, not ${mediaType}.`,
    );
  }
  const rekor = servicesOf(fields.get('rekorTlogUrls'), 'rekorTlogUrls');
  const tsa = servicesOf(fields.get('tsaUrls'), 'tsaUrls');
  return {
    ca: servicesOf(fields.get('caUrls'), 'caUrls'),
    oidc: servicesOf(fields.get('oidcUrls'), 'oidcUrls'),
    rekor,
    ...(rekor.length === 0
      ? {}
      : { rekorSelector: selectorOf(fields.get('rekorTlogConfig'), 'rekorTlogConfig') }),
    tsa,
    ...(tsa.length === 0 ? {} : { tsaSelector: selectorOf(fields.get('tsaConfig'), 'tsaConfig') }),
  };
}

function servicesOf(value: unknown, name: string): readonly Service[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badConfig(`In the signing config, \`${name}\` is not a list.`);
  if (value.length > maxServices)
    throw badConfig(`In the signing config, \`${name}\` has more than ${maxServices} services.`);
  return value.map((item, index) => serviceOf(item, `${name}[${index}]`));
}

function serviceOf(value: unknown, place: string): Service {
  const fields = fieldsOf(value, place, ['url', 'majorApiVersion', 'validFor', 'operator']);
  const window = fields.get('validFor') ?? undefined;
  const ends =
    window === undefined
      ? new Map<string, unknown>()
      : fieldsOf(window, `${place}.validFor`, ['start', 'end']);
  const validFrom = timeOf(ends.get('start'), `${place}.validFor.start`);
  const validTo = timeOf(ends.get('end'), `${place}.validFor.end`);
  const operator = fields.get('operator') ?? '';
  if (typeof operator !== 'string')
    throw badConfig(`In the signing config, \`${place}.operator\` is not text.`);
  return {
    url: urlOf(fields.get('url'), `${place}.url`),
    majorApiVersion: countOf(fields.get('majorApiVersion') ?? 0, `${place}.majorApiVersion`),
    ...(validFrom === undefined ? {} : { validFrom }),
    ...(validTo === undefined ? {} : { validTo }),
    operator,
  };
}

function selectorOf(value: unknown, place: string): Selector {
  const fields =
    value === undefined || value === null
      ? new Map<string, unknown>()
      : fieldsOf(value, place, ['selector', 'count']);
  const given = fields.get('selector');
  const name = typeof given === 'number' ? selectorNames[given] : given;
  const count = countOf(fields.get('count') ?? 0, `${place}.count`);
  if (name === 'ANY' || name === 'ALL') return { kind: name };
  if (name === 'EXACT' && count > 0) return { kind: 'EXACT', count };
  if (name === 'EXACT')
    throw badConfig(`In the signing config, \`${place}\` says EXACT and gives no count.`);
  throw badConfig(
    `In the signing config, \`${place}.selector\` is missing or none of ALL, ANY and EXACT.`,
  );
}

/**
 * The fields of a message, under their JSON names; protobuf JSON also takes the names of the .proto
 * file.
 */
function fieldsOf(
  value: unknown,
  place: string,
  known: readonly string[],
): ReadonlyMap<string, unknown> {
  if (!isJsonObject(value))
    throw badConfig(`In the signing config, ${place} is not a JSON object.`);
  const fields = new Map<string, unknown>();
  for (const [given, field] of Object.entries(value)) {
    const name = given.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!known.includes(name))
      throw badConfig(
        `In the signing config, ${place} has a field ${quoted(given)} that the format does not know.`,
      );
    if (fields.has(name))
      throw badConfig(`In the signing config, ${place} has the field \`${name}\` twice.`);
    fields.set(name, field);
  }
  return fields;
}

function urlOf(value: unknown, place: string): URL {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (
    url === null ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw badConfig(`In the signing config, \`${place}\` is not an http(s) address.`);
  }
  return url;
}

function timeOf(value: unknown, place: string): Date | undefined {
  if (value === undefined || value === null) return undefined;
  const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
  const time = typeof value === 'string' && rfc3339.test(value) ? new Date(value) : undefined;
  if (time === undefined || Number.isNaN(time.getTime()))
    throw badConfig(`In the signing config, \`${place}\` is not a time (RFC 3339).`);
  return time;
}

function countOf(value: unknown, place: string): number {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw badConfig(`In the signing config, \`${place}\` is not a whole number.`);
}

function quoted(text: string): string {
  return `"${shown(text, 80)}"`;
}

/** The failure for a signing config that cannot be used. */
export function badConfig(message: string): Failure {
  return new Failure(
    'bad-signing-config',
    message,
    `Correct \`signing-config:\`: it takes a Sigstore SigningConfig (${mediaType}), as a path or the JSON itself.`,
  );
}

import { Failure } from '../failure.ts';
import { predicateTypes } from '../signature/attestation.ts';
import { shown } from '../text/untrusted.ts';

type Document = Readonly<Record<string, unknown>>;

/** What an SBOM is known by. */
const forms = {
  spdx2: ({ spdxVersion, SPDXID }: Document) =>
    isText(spdxVersion, /^SPDX-2\.\d+$/) && typeof SPDXID === 'string',
  spdx3: (document: Document) => isSpdx3(document['@context']) && '@graph' in document,
  cyclonedx: ({ bomFormat, specVersion }: Document) =>
    bomFormat === 'CycloneDX' && isText(specVersion, /^1\.\d+$/),
} as const;

/**
 * The predicate type of an SBOM, SPDX 2 or 3 or CycloneDX in JSON.
 * @param path for messages
 * @throws {Failure} `bad-predicate` for anything else, and for what is two of them at once
 */
export function sbomType(document: Document, path: string): string {
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

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}

/** `https://spdx.org/rdf/3.0.1/spdx-context.jsonld`, alone or in a list. */
function isSpdx3(context: unknown): boolean {
  const contexts: readonly unknown[] = Array.isArray(context) ? context : [context];
  return contexts.some((one) =>
    isText(one, /^https:\/\/spdx\.(?:org|github\.io)\/[\w./-]*\b3\.\d+/),
  );
}

/**
 * How a field is treated. Every field that is not in a table is refused: one that is misspelt must
 * not disappear.
 */
export type Field =
  | { readonly as: 'text'; readonly of?: readonly string[] }
  | { readonly as: 'texts'; readonly of?: readonly string[] }
  | { readonly as: 'flag' | 'count' | 'labels' }
  /** a public key as PEM, or the address of one in a service (`awskms://…`) */
  | { readonly as: 'key' }
  /** the address of a key in a service, and nothing else */
  | { readonly as: 'kms' }
  /** `name` and `namespace` of a Kubernetes secret that holds a public key */
  | { readonly as: 'secret'; readonly namespace?: string }
  | { readonly as: 'object' | 'objects'; readonly fields: Inner }
  /** cannot change whose signature an image needs */
  | { readonly as: 'ignored' }
  /**
   * read, with no effect here; a person is told. With `when`, only this value is worth telling;
   * with `of`, it is one of these words.
   */
  | {
      readonly as: 'noted';
      readonly note: string;
      readonly when?: string | boolean;
      readonly of?: readonly string[];
    }
  /**
   * a certificate, key or trust root of Sigstore: here that is the business of the inputs
   * `trusted-root` and `tuf-mirror`
   */
  | { readonly as: 'anchor' }
  /**
   * the address of a Sigstore service; the public-good one needs nothing, another one needs its own
   * trusted root
   */
  | { readonly as: 'service'; readonly publicGood: string }
  /** `why` ends a sentence that starts with the field */
  | { readonly as: 'refused'; readonly why: string; readonly fix: string };

export type Fields = Readonly<Record<string, Field>>;

/** A table that holds itself is given as a function. */
type Inner = Fields | (() => Fields);

export const text: Field = { as: 'text' };
/** one of these words */
export const word = (...of: readonly string[]): Field => ({ as: 'text', of });
export const texts: Field = { as: 'texts' };
export const words = (...of: readonly string[]): Field => ({ as: 'texts', of });
export const flag: Field = { as: 'flag' };
export const count: Field = { as: 'count' };
export const labels: Field = { as: 'labels' };
export const key: Field = { as: 'key' };
export const kms: Field = { as: 'kms' };
export const secret = (namespace?: string): Field => ({
  as: 'secret',
  ...(namespace === undefined ? {} : { namespace }),
});
export const anchor: Field = { as: 'anchor' };
export const ignored: Field = { as: 'ignored' };
export const object = (fields: Inner): Field => ({ as: 'object', fields });
export const objects = (fields: Inner): Field => ({ as: 'objects', fields });
export const noted = (
  note: string,
  only: { readonly when?: string | boolean; readonly of?: readonly string[] } = {},
): Field => ({ as: 'noted', note, ...only });
export const refused = (why: string, fix: string): Field => ({ as: 'refused', why, fix });

/** A Kubernetes object with this `spec`; nothing else in it says whose signature is needed. */
export const kubernetesObject = (spec: Fields): Fields => ({
  apiVersion: text,
  kind: text,
  metadata: ignored,
  status: ignored,
  spec: object(spec),
});

// What policies of several kinds say in the same words, and what becomes of it.

export const identity: Fields = {
  issuer: text,
  issuerRegExp: text,
  subject: text,
  subjectRegExp: text,
};
export const fulcioUrl: Field = { as: 'service', publicGood: 'https://fulcio.sigstore.dev' };
export const rekorUrl: Field = { as: 'service', publicGood: 'https://rekor.sigstore.dev' };
/** Why and fix of a waiver that is never granted. */
export const waivesCertificateLog = [
  'waives the certificate transparency log, and this gate never does',
  'Remove it: certificates of Fulcio carry the proof.',
] as const;
export const ownCertificates = (fix: string): Field =>
  refused('asks for certificates of your own, which are not supported', fix);
/** of the tags where signatures lie */
export const tagPrefix: Field = refused(
  'puts something before the tags of signatures, and the gate looks for them under their own names',
  'Use a policy without `tagPrefix`.',
);
export const program = (fix: string): Field =>
  refused('holds a CUE or Rego program, which is not run', fix);
export const aboutWorkloads =
  'selects workloads of the cluster; the gate holds every image against the policy, whatever uses it.';
export const inOneNamespace =
  'holds in one namespace of the cluster; the gate holds every image against it.';
export const otherCredentials: Field = noted(
  'is not used: the gate logs in with the inputs of the step or the docker login on the machine.',
);
export const atAdmission: Field = noted(
  'switches the policy off at admission; the gate enforces it.',
  { when: false },
);
/** @param what matches the image: the rule, the policy */
export const requiredAnyway = (what: string): Field =>
  noted(`is false; here every image that the ${what} matches must be signed all the same.`, {
    when: false,
  });

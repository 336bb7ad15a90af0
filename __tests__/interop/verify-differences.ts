const noSignature =
  'cosign 3 takes any bundle for a signature; provenance says how an image was built, not that anybody wants it run';
const hidden =
  'cosign 3 looks at no legacy signature as soon as the image carries a bundle of any kind, whoever wrote it';
const part =
  'a pattern must match the whole identity; cosign is content with a part of it, and anybody can have that in a name';
const timeless =
  'with the log ignored nothing proves when the certificate was used; cosign takes it for as long as the certificate happens to be alive';
const platforms = 'cosign looks at the index alone; nobody signed what is inside it';

/**
 * Where our gate and real cosign answer differently, and why: `signatures | question | peer` →
 * reason. A difference that is not here fails the suite, and so does one that is here and was not
 * seen.
 */
export const differences: Readonly<Record<string, string>> = {
  'provenance-only | as signed | cosign 3': noSignature,
  'provenance-only-keyless | as signed | cosign 3': noSignature,
  'legacy-key1-provenance-key2 | as signed | cosign 3': hidden,
  'legacy-key1-provenance-key2 | this key only made a provenance attestation | cosign 3':
    noSignature,
  'a keyless bundle | a pattern for a part of the identity | cosign 3': part,
  'a keyless bundle | no log, and nothing else that proves the time | cosign 3': timeless,
  'index alone, bundle | platforms too | cosign 3': platforms,
  'index alone, legacy | platforms too | cosign 3': platforms,
  'index alone, legacy | platforms too | cosign 2': platforms,
};

// Entries that say `proven`: a signature that the publisher's registry really had verifies under what
// the list asks of that image, and under nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { published } from '../../scripts/signers.ts';
import { type Digest, digestOf, parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { judge } from '../../src/signature/judge.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { createTrust, parseTrustedRoot } from '../../src/signature/trust.ts';
import { openKnownSigners } from '../../src/signers/require.ts';

const folder = join(import.meta.dirname, '../fixtures/known-signers');
const read = (name: string) => readFileSync(join(folder, name));
const trust = createTrust(parseTrustedRoot(read('trusted_root.json')));
const list = published();
const asked = openKnownSigners(list);

const recorded = [
  {
    image: 'ghcr.io/sigstore/cosign/cosign:v3.1.3',
    file: 'cosign.sigstore.json',
    digest: parseDigest('sha256:9e5c2f2edc34351160407ca3416c61855bdf9403c3c5936e0f0be7fc261611b8'),
  },
  {
    image: 'ghcr.io/kubewarden/kubewarden-controller:v1.34.0',
    file: 'kubewarden-controller.sigstore.json',
    digest: parseDigest('sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172'),
  },
];

function policyOf(image: string): SignaturePolicy {
  const requirement = asked({ name: parseReference(image), references: [image] });
  if (requirement?.kind !== 'signature') throw new Error(`${image} has no known signer`);
  return requirement.policy;
}

function codeOf(file: string, digest: Digest, policy: SignaturePolicy): string {
  const found = {
    format: 'bundle' as const,
    digest: digestOf(read(file)),
    reference: file,
    bundle: read(file),
  };
  return judge(found, digest, policy, trust).code;
}

it('are exactly those with a recorded signature here', () =>
  expect(
    list.entries.filter(({ evidence }) => evidence === 'proven').map(({ check }) => check),
  ).toEqual(expect.arrayContaining(recorded.map(({ image }) => image))));

describe.each(recorded)('$image', ({ image, file, digest }) => {
  it('verifies', () => expect(codeOf(file, digest, policyOf(image))).toBe('verified'));

  it('does not verify as another image', () =>
    expect(codeOf(file, digestOf(Buffer.from('other')), policyOf(image))).toBe('wrong-subject'));

  it('does not verify as that of another publisher', () =>
    expect(codeOf(file, digest, policyOf('gcr.io/distroless/static:latest'))).toBe(
      'wrong-identity',
    ));
});

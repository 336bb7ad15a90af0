import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { parseReference } from '../../src/image/reference.ts';
import { readPublicKeys } from '../../src/keys/public.ts';
import type { PolicyImage } from '../../src/policies/image-names.ts';
import type { OpenedKeys } from '../../src/policies/keys.ts';
import { type Policies, readPolicies } from '../../src/policies/read.ts';
import { keyId } from '../../src/signature/key.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import type { Matcher } from '../../src/signature/policy.ts';
import type { Requirement } from '../../src/signature/requirement.ts';

export interface TestKey {
  readonly pem: string;
  readonly id: string;
  readonly object: KeyObject;
}

/** A new key pair as PEM. */
export function makePair(): { readonly privatePem: string; readonly publicPem: string } {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privatePem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

export function makeKey(pem = makePair().publicPem): TestKey {
  const object = createPublicKey(pem);
  return { pem, id: keyId(object), object };
}

export const readKeys = (text: string, where: string): readonly [KeyObject, ...KeyObject[]] =>
  readPublicKeys(text, where);

export const tools = { readPublicKeys: readKeys, ownTrust: false, compilePattern };

export function read(text: string, ownTrust = false, opened: OpenedKeys = new Map()): Policies {
  return readPolicies([{ path: 'policy.yaml', text }], { ...tools, ownTrust }).withKeys(opened);
}

/** An image as the gate knows it when the user wrote `reference`. */
export function image(reference: string): PolicyImage {
  const { registry, repository, digest } = parseReference(reference);
  return {
    name: { registry, repository },
    references: [reference],
    ...(digest === undefined ? {} : { digest }),
  };
}

export const digest = `sha256:${'ab'.repeat(32)}`;

/** A requirement as data that can be compared: keys by their id, matchers as text. */
export function told(requirement: Requirement): unknown {
  const name = requirement.name === undefined ? {} : { name: requirement.name };
  if (requirement.kind === 'count')
    return { ...name, count: requirement.count, of: requirement.of.map(told) };
  if ('reason' in requirement) return { ...name, [requirement.kind]: requirement.reason };
  const { signers, annotations, tlog } = requirement.policy;
  return {
    ...name,
    ...(requirement.kind === 'attestation' ? { attestation: requirement.type } : {}),
    tlog,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...annotations } }),
    signers: signers.map((rule) =>
      'key' in rule
        ? keyId(rule.key)
        : {
            who: rule.identities.map(toldMatcher),
            by: rule.issuers.map(toldMatcher),
            ...(rule.github === undefined ? {} : { github: rule.github }),
          },
    ),
  };
}

function toldMatcher(matcher: Matcher): string {
  return 'exact' in matcher ? matcher.exact : `/${matcher.pattern.source}/`;
}

/** The sentence of the Failure `bad-policy` that reading must end in, and the one with the fix. */
export function refused(text: string, ownTrust = false): string {
  try {
    read(text, ownTrust);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    const { code, message, fix } = error as Failure;
    expect({ code, fix: fix.length > 10 }).toEqual({ code: 'bad-policy', fix: true });
    return message;
  }
  throw new Error('it was read');
}

export function indent(text: string, spaces: number): string {
  return text.trimEnd().replaceAll('\n', `\n${' '.repeat(spaces)}`);
}

import { makeStatement } from '../../src/signature/statement.ts';
import { type Attack, edited, layered, made, type Scene } from './attack.ts';
import { type Leaf, uri } from './forge.ts';
import { nasty } from './hostile-registry.ts';
import type { Json } from './material.ts';

/** The statement of the image, edited before it is signed. */
const stating =
  (edit: (statement: Json) => void) =>
  ({ store }: Scene) => {
    const statement = JSON.parse(makeStatement(store.image.digest, {}).toString());
    edit(statement);
    return { payload: JSON.stringify(statement) };
  };
const paying =
  (edit: (payload: Json) => void) =>
  ({ layer }: Scene) => {
    const payload = JSON.parse(layer().payload.toString());
    edit(payload);
    return { payload: JSON.stringify(payload) };
  };
const wantsProd: Pick<Attack, 'policy'> = { policy: () => ({ annotations: { env: 'prod' } }) };
const prod = { annotations: { env: 'prod' } };
const command: Leaf = { names: [uri('https://evil.test/::add-mask::##[set-env name=PATH]x')] };

/**
 * Text of a stranger that ends in a sentence for a person: it must not forge a line, hide a part of
 * it, or speak to the runner.
 */
export const textCases: readonly Attack[] = [
  made(
    'in a predicate type',
    'wrong-predicate',
    stating((s) => Object.assign(s, { predicateType: nasty })),
  ),
  made(
    'in a statement type',
    'wrong-predicate',
    stating((s) => Object.assign(s, { _type: nasty })),
  ),
  made('in a payload type', 'wrong-predicate', () => ({ payloadType: nasty })),
  made(
    'in a digest',
    'wrong-subject',
    stating((s) => Object.assign(s.subject[0].digest, { sha256: nasty })),
  ),
  made(
    'in the name of a field',
    'malformed',
    stating((s) => Object.assign(s, { [nasty]: 1 })),
  ),
  made(
    'in the name of an annotation',
    'malformed',
    stating((s) => Object.assign(s.subject[0], { annotations: { [nasty]: 1 } })),
  ),
  made(
    'in an annotation',
    'annotation-mismatch',
    () => ({ annotations: { env: nasty } }),
    prod,
    wantsProd,
  ),
  made('in an identity', 'wrong-identity', () => ({ leaf: command })),
  made(
    '100,000 letters in a predicate type',
    'wrong-predicate',
    stating((s) => Object.assign(s, { predicateType: 'x'.repeat(100_000) })),
  ),
  edited('in the name of a field of the bundle', 'malformed', nasty, 1),
  edited('in a media type', 'malformed', 'mediaType', nasty),
  edited(
    'in a checkpoint',
    'bad-log-entry',
    'proof.checkpoint.envelope',
    `${nasty}\n1\nAAAA\n\n\u2014 ${nasty} AAAAAAAA\n`,
  ),
  edited('in the kind of an entry', 'bad-log-entry', 'entry.kindVersion', {
    kind: nasty,
    version: nasty,
  }),
  layered(
    'in a critical type',
    'wrong-predicate',
    paying((p) => Object.assign(p.critical, { type: nasty })),
  ),
  layered(
    'in the digest of a payload',
    'wrong-subject',
    paying((p) => Object.assign(p.critical.image, { 'docker-manifest-digest': `sha256:${nasty}` })),
  ),
  layered(
    'in an annotation of a payload',
    'annotation-mismatch',
    () => ({ annotations: { env: nasty } }),
    prod,
    wantsProd,
  ),
];

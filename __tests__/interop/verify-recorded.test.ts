// Every recorded case of real cosign, in real registries: our gate beside `cosign verify`.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error a plain script, which the recordings come with
import { cases, loadCase } from '../fixtures/load.mjs';
import { need, startDockerRegistry, temporaryFolder } from './peers.ts';
import { Comparison, type Question } from './verify-comparison.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures');
const comparison = new Comparison();
let cleanUp: () => Promise<void>;
let docker: { host: string; stop: () => void };

beforeAll(async () => {
  const { folder, remove } = await temporaryFolder();
  cleanUp = remove;
  docker = await startDockerRegistry(folder);
});
afterAll(async () => {
  comparison.print('recorded case');
  docker?.stop();
  await cleanUp?.();
});

interface Recorded {
  readonly verify: {
    readonly key?: string;
    readonly identity?: string;
    readonly issuer?: string;
    readonly tlog?: 'ignore' | 'required';
    readonly recursive?: boolean;
    readonly github?: Readonly<Record<string, string>>;
  };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly expected: 'pass' | 'fail';
  readonly why: string;
  readonly cosign_flags: readonly string[];
}

interface Case extends Recorded {
  readonly name: string;
  readonly reference: string;
  readonly format: readonly string[];
  readonly discovery: string;
  readonly attestations?: readonly string[];
  readonly also?: readonly Recorded[];
}

const registries: Readonly<Record<string, { host: () => string; api: boolean }>> = {
  'docker-registry 2.8': { host: () => docker.host, api: false },
  'referrers API': { host: () => need('REGISTRY_REFERRERS'), api: true },
  'no referrers API': { host: () => need('REGISTRY_TAGS'), api: false },
};

/**
 * Which code a question must bring that differs from the good one in one thing; the recordings say
 * only that it fails.
 */
function expectedCode(asked: Recorded, good: Case): string {
  const { verify, annotations = {} } = asked;
  if (good.format.length === 0)
    return good.attestations === undefined ? 'unsigned' : 'wrong-predicate';
  if (verify.tlog === 'required' && good.verify.tlog === 'ignore') return 'no-log-entry';
  if (verify.github?.repository === 'harbor-lights/lantern') return 'wrong-claim';
  if (verify.identity !== good.verify.identity) return 'wrong-identity';
  if (verify.issuer !== good.verify.issuer) return 'wrong-issuer';
  return Object.keys(annotations).length > 0 ? 'annotation-mismatch' : 'wrong-key';
}

function questionOf(
  { verify, annotations = {}, cosign_flags: flags }: Recorded,
  good: Case,
): Question {
  const { key, ...rest } = verify;
  return {
    ...(good.verify.tlog === undefined ? {} : { tlog: good.verify.tlog }),
    ...rest,
    ...(key === undefined ? {} : { key: join(fixtures, 'keys', key) }),
    annotations,
    trustedRoot: join(fixtures, 'trusted_root.json'),
    timestamp: flags.includes('--use-signed-timestamps'),
  };
}

const names = cases() as readonly string[];

describe.each(Object.keys(registries))('in %s', (registry) => {
  it.each(names)('%s', async (name) => {
    const { host, api } = registries[registry] as (typeof registries)[string];
    const loaded = (await loadCase(
      join(fixtures, name),
      host(),
      `interop/recorded-${process.pid}/${name}`,
    )) as Case;
    const hidden = !api && loaded.discovery === 'referrers-api';
    for (const [index, recorded] of [loaded, ...(loaded.also ?? [])].entries()) {
      const refused = hidden ? 'unsigned' : expectedCode(recorded, loaded);
      await comparison.ask({
        about: hidden ? `${name}, without the API` : name,
        asking: index === 0 ? 'as signed' : recorded.why,
        registry,
        reference: loaded.reference,
        question: questionOf(recorded, loaded),
        expected: recorded.expected === 'pass' && !hidden ? 'verified' : refused,
      });
    }
  });
});

it('has seen every documented difference', () => {
  expect(comparison.unseen(names)).toEqual([]);
});

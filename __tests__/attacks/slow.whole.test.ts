import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../sandbox/registry-faults.ts';
import { keyless, sceneOf } from './attack.ts';
import { networkCases } from './cases-registry.ts';
import { Forge } from './forge.ts';
import { gate } from './gate.ts';
import { listOf, referrers } from './hostile-registry.ts';
import { Stage } from './store.ts';

const forge = new Forge();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.close());

/**
 * Of the step's 5 minutes the gate spends 6.5 s on a slow registry, or one that fails. This leaves a
 * slow machine much time of its own; a gate that went on waiting would still be found out.
 */
const soon = 90_000;

// All at once, because each one lasts as long as the gate has a retry budget; with the action's own
// limits and its default timeout of 5 minutes.
describe.concurrent('a registry that takes its time is soon given up', { timeout: 240_000 }, () => {
  const dripping: Fault = { kind: 'slow-body', everyMs: 400 };
  it.each<[string, RegExp, Fault]>([
    ['no answer at all', /./, { kind: 'hang' }],
    ['no answer to the list of referrers', /\/referrers\//, { kind: 'hang' }],
    ['no answer to one blob', /\/blobs\//, { kind: 'hang' }],
    ['a list that drips', /\/referrers\//, dripping],
    ['a manifest that drips', /\/manifests\/sha256:/, dripping],
    ['a blob that drips', /\/blobs\//, dripping],
    [
      'a body without end that drips',
      /\/blobs\//,
      { kind: 'endless-body', bytes: 1, everyMs: 400 },
    ],
    ['the referrers tag without an answer', /\/manifests\/sha256-[0-9a-f]+$/, { kind: 'hang' }],
  ])('%s', async (_name, what, fault) => {
    const store = stage.store();
    store.bundle(sceneOf(forge, store).bundle());
    const ask = () => gate(store.image, keyless, forge.trust());
    expect(await ask()).toMatchObject({ verified: true });
    store.faults = ({ path }) => (what.test(path) ? fault : undefined);
    const outcome = await ask();
    expect(outcome).toMatchObject({ verified: false, codes: ['network'], verdicts: [] });
    expect(outcome.texts[0]).toMatch(
      /^\S+ is too slow: beyond 2 s for each answer this step has waited 6\.5 s for it\.$/,
    );
    expect(outcome.milliseconds).toBeLessThan(soon);
  });

  it('a list without end, each page of it just in time', async () => {
    const store = stage.store();
    const digest = store.bundle(sceneOf(forge, store).bundle());
    store.faults = ({ path }) =>
      referrers.test(path) ? { kind: 'latency', ms: 1_800 } : undefined;
    const ask = () => gate(store.image, keyless, forge.trust());
    expect(await ask()).toMatchObject({ verified: true });
    store.override = ({ path, url }) => {
      const next = Number(url.searchParams.get('page') ?? 0) + 1;
      return referrers.test(path)
        ? listOf([store.entry(digest)], { link: `<?page=${next}>; rel="next"` })
        : undefined;
    };
    const outcome = await ask();
    expect(outcome).toMatchObject({
      verified: false,
      codes: ['network'],
      texts: [expect.stringContaining(' is too slow: '), expect.anything()],
    });
    expect(outcome.milliseconds).toBeLessThan(soon);
  });

  it.each(networkCases)('$name: $code', async ({ lay, code, options }) => {
    const store = stage.store();
    await lay(sceneOf(forge, store), true);
    const outcome = await gate(store.image, keyless, forge.trust(), options);
    expect(outcome).toMatchObject({ verified: false, codes: [code] });
    expect(outcome.milliseconds).toBeLessThan(soon);
  });
});

describe('credentials', () => {
  it('go to the registry, and to no host that it redirects to', async () => {
    const login = { kind: 'password', username: 'robot', password: 'open sesame' } as const;
    const auth = {
      kind: 'basic',
      accounts: [{ username: login.username, password: login.password }],
    } as const;
    const strict = await Stage.start({ referrersApi: true, blobRedirect: true, auth });
    try {
      const store = strict.store();
      store.bundle(sceneOf(forge, store).bundle());
      expect(await gate(store.image, keyless, forge.trust(), { login })).toMatchObject({
        verified: true,
        codes: ['verified'],
      });
      expect(strict.registry.requests.filter(({ listener }) => listener === 'storage')).not.toEqual(
        [],
      );
      expect(strict.registry.leaks).toEqual([]);
      expect(await gate(store.image, keyless, forge.trust())).toMatchObject({
        verified: false,
        codes: ['registry-denied'],
      });
    } finally {
      await strict.close();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { everyThird } from '../sampled.ts';
import { type Attack, keyless, sceneOf } from './attack.ts';
import { chainCases } from './cases-certificate.ts';
import { contentCases } from './cases-content.ts';
import { encodingCases } from './cases-encoding.ts';
import { identityCases } from './cases-identity.ts';
import { keyCases } from './cases-key.ts';
import { legacyCases } from './cases-legacy.ts';
import { ignoredLogCases, logCases } from './cases-log.ts';
import { ownAuthorityCases } from './cases-own-authority.ts';
import { proofCases } from './cases-proof.ts';
import { listCases, networkCases } from './cases-registry.ts';
import { envelopeCases, statementCases } from './cases-statement.ts';
import { textCases } from './cases-text.ts';
import { timeCases } from './cases-time.ts';
import { Forge } from './forge.ts';
import { gate, type Outcome } from './gate.ts';
import { Stage } from './store.ts';

const corpus: Readonly<Record<string, readonly Attack[]>> = {
  'what is signed': statementCases,
  'the envelope': envelopeCases,
  'the log entry': logCases,
  'the proof and its checkpoint': proofCases,
  'the log ignored': ignoredLogCases,
  time: timeCases,
  'the certificate': chainCases,
  'an authority of one\u2019s own': ownAuthorityCases,
  'the signer\u2019s name': identityCases,
  keys: keyCases,
  'JSON and base64': encodingCases,
  'the legacy format': legacyCases,
  'who reads the reasons': textCases,
  'what a registry holds': contentCases,
  'what a registry lists': listCases,
  'how a registry answers': networkCases,
};

const forge = new Forge();
const network = new MemoryNetwork();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ referrersApi: true, network });
});
afterAll(() => stage.close());

/**
 * A clock that stands still: no time limit can end a wait here, and none is needed. A test that has
 * to wait for one does not end.
 */
function stillClock(): { readonly clock: Clock; readonly slept: number[] } {
  const slept: number[] = [];
  const clock: Clock = {
    now: () => 0,
    date: () => new Date(),
    timer: () => () => {},
    sleep: async (milliseconds) => void slept.push(milliseconds),
  };
  return { clock, slept };
}

interface Played extends Outcome {
  /** milliseconds of every pause that was made */
  readonly slept: readonly number[];
  readonly requests: number;
}

async function play(attack: Attack, hostile: boolean): Promise<Played> {
  const store = stage.store();
  await attack.lay(sceneOf(forge, store), hostile);
  const policy = { ...keyless, ...attack.policy?.(forge, hostile) };
  // One try: how long a registry that goes on failing is waited for is seen in slow.whole.test.ts.
  const { clock, slept } = stillClock();
  const trust = attack.trust?.(forge, hostile) ?? forge.trust();
  const before = stage.registry.requests.length;
  const outcome = await gate(store.image, policy, trust, {
    retryBudget: 0,
    clock,
    network,
    ...attack.options,
  });
  return { ...outcome, slept, requests: stage.registry.requests.length - before };
}

const twins = {
  bundle: new Map<object, Promise<Played>>(),
  layer: new Map<object, Promise<Played>>(),
};

/** The honest twin; those that are the same to the letter are played once. */
function playTwin(attack: Attack): Promise<Played> {
  if (attack.twin === undefined) return play(attack, false);
  const [kind, wish] = attack.twin;
  const played = twins[kind].get(wish) ?? play(attack, false);
  twins[kind].set(wish, played);
  return played;
}

/** Requests that an attack may cost: its twin takes up to eight, a redirect is followed ten times. */
const usualRequests = 12;

// Control, invisible and direction-changing characters forge log lines; the runner reads
// `::command::` at the start of one.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|^\s*::/u;

for (const [subject, attacks] of Object.entries(corpus)) {
  describe(`attacks on ${subject}`, () => {
    it.each(everyThird(attacks))('$name: $code', async (attack) => {
      const honest = await playTwin(attack);
      expect(honest, 'the honest twin').toMatchObject({ verified: true, codes: ['verified'] });

      const hostile = await play(attack, true);
      if (attack.passes) expect(hostile).toMatchObject({ verified: true });
      else
        expect({ verified: hostile.verified, codes: hostile.codes }).toEqual({
          verified: false,
          codes: [attack.code],
        });
      expect(hostile.texts.filter((text) => unsafe.test(text))).toEqual([]);
      expect(hostile.requests).toBeLessThanOrEqual(attack.mostRequests ?? usualRequests);
      expect(hostile.slept).toEqual([]);
    });
  });
}

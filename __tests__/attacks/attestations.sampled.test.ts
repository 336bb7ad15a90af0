import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { everyThird } from '../sampled.ts';
import { keyless, type Scene, sceneOf } from './attack.ts';
import { type AttestationAttack, spdx } from './attestation.ts';
import {
  beside,
  predicateCases,
  proofCases,
  provenanceCases,
  statementCases,
} from './cases-attestation.ts';
import { indexCases, layerCases, oldEntryCases } from './cases-attestation-homes.ts';
import { Forge } from './forge.ts';
import { ask } from './gate.ts';
import { Stage } from './store.ts';

const corpus: Readonly<Record<string, readonly AttestationAttack[]>> = {
  'what is attested': statementCases,
  'the predicate': predicateCases,
  'what proves an attestation': proofCases,
  'what lies beside an image': beside,
  provenance: provenanceCases,
  'layers of cosign 1 and 2': layerCases,
  'log entries of cosign 1': oldEntryCases,
  'attestation manifests': indexCases,
};

const forge = new Forge();
const network = new MemoryNetwork();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ referrersApi: true, network });
});
afterAll(() => stage.close());

interface Played {
  readonly result: VerifyResult;
  readonly kept: ReadonlyMap<string, Buffer>;
}

async function play(attack: AttestationAttack, hostile: boolean): Promise<Played> {
  const scene: Scene = sceneOf(forge, stage.store());
  attack.lay(scene, hostile);
  const kept = new Map<string, Buffer>();
  const [result] = await ask(
    scene.store.image,
    { ...keyless, ...attack.policy?.(scene) },
    forge.trust(),
    {
      retryBudget: 0,
      network,
      kept,
      attestations: { types: attack.types ?? [spdx], signature: attack.signature ?? 'ignore' },
    },
  );
  if (result === undefined) throw new Error('one image was asked for');
  return { result, kept };
}

const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|^\s*::/u;

for (const [subject, attacks] of Object.entries(corpus)) {
  describe(`attacks on ${subject}`, () => {
    it.each(everyThird(attacks))('$name: $code', async (attack) => {
      const types = attack.types ?? [spdx];
      const honest = await play(attack, false);
      expect(honest.result, 'the honest twin').toMatchObject({ verified: true });
      const good = (honest.result.attestations ?? []).filter(({ verified }) => verified);
      expect(new Set(good.map(({ type }) => type))).toEqual(new Set(types));
      expect(new Set(good.map(({ path }) => path))).toEqual(new Set(honest.kept.keys()));
      for (const bytes of honest.kept.values()) expect(JSON.parse(bytes.toString())).toBeTruthy();

      const { result, kept } = await play(attack, true);
      if (attack.passes) {
        expect(result).toMatchObject({ verified: true });
        expect(kept.size).toBe(1);
      } else {
        expect([result.verified, result.code, result.reason]).toEqual([
          false,
          attack.code,
          expect.any(String),
        ]);
        expect(kept.size, 'what is kept of an image that did not verify').toBe(0);
        expect(result.attestations?.filter(({ path }) => path !== undefined)).toEqual([]);
      }
      const texts = [result, ...(result.attestations ?? [])].flatMap(({ reason }) => reason ?? []);
      expect(texts.filter((text) => unsafe.test(text))).toEqual([]);
    });
  });
}

it('plays every one of them', () => {
  expect(Object.values(corpus).flat().length).toBeGreaterThanOrEqual(100);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../sampled.ts';
import { Model, type World, type WriteFate } from './model.ts';

const fates: WriteFate[] = ['applied', 'applied', 'lost', 'applied, answer lost', 'refused'];

/**
 * Everything that follows a step runs before the next one is chosen, so that every writer's next
 * request is among the choices.
 */
async function act(step: () => Promise<void>): Promise<void> {
  await step();
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Any order of requests; reads that are up to three documents old; writes that get lost or lose
 * their answer.
 */
function inAnyWorld(
  who: 'signer' | 'naive',
  pausesOutlastWriters: boolean,
  promises: 'their own' | 'all they saw',
) {
  return fc.asyncProperty(
    fc.scheduler({ act }),
    fc.constantFrom('bundle' as const, 'legacy' as const),
    fc.array(fc.nat({ max: 3 }), { maxLength: 40 }),
    fc.array(fc.constantFrom(...fates), { maxLength: 12 }),
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 0, max: 4 }),
    async (scheduler, format, stale, fates, ours, cosigns) => {
      expect(
        await missing(
          { scheduler, format, stale, fates, pausesOutlastWriters },
          who,
          promises,
          ours,
          cosigns,
        ),
      ).toEqual([]);
    },
  );
}

/**
 * Runs signers to the end and answers what is not there although it was reported as kept, or was
 * shown to one who reported that.
 */
async function missing(
  world: World,
  who: 'signer' | 'naive',
  promises: 'their own' | 'all they saw',
  count: number,
  cosigns: number,
): Promise<string[]> {
  const model = new Model(world);
  const names = Array.from({ length: count }, (_, n) => `ours ${n}`);
  const reports = Promise.all(names.map((name) => model[who](name)));
  const others = Array.from({ length: cosigns }, (_, n) => `cosign ${n}`);
  await world.scheduler.waitFor(
    Promise.all([reports, ...others.map((name) => model.cosign(name))]),
  );
  const kept = await reports;
  // Losing is allowed only to those whose connections broke: silence is never an excuse.
  if (!world.fates.some((fate) => fate === 'refused' || fate === 'applied, answer lost'))
    expect(kept).not.toContain(false);
  const seenBy = (name: string) =>
    promises === 'all they saw' ? model.shownTo(name, [...names, ...others]) : [];
  const promised = names.flatMap((name, n) => (kept[n] ? [name, ...seenBy(name)] : []));
  const survivors = model.survivors([...names, ...others]);
  return [...new Set(promised)].filter((name) => !survivors.includes(name));
}

describe('many signers on one tag, in any order of requests', () => {
  const numRuns = Number(process.env.MODEL_RUNS ?? 1000);
  const inBoth = Number(process.env.MODEL_RUNS ?? runs(1000));

  it('nothing that was reported as kept is missing in the end, nor what of others was seen, when no writer takes longer than a pause', async () => {
    await fc.assert(inAnyWorld('signer', true, 'all they saw'), { numRuns: inBoth });
  });

  it('the model can tell: one write and one look lose signatures under the same assumption', async () => {
    expect(await fc.check(inAnyWorld('naive', true, 'their own'), { numRuns })).toMatchObject({
      failed: true,
    });
  });

  it('the assumption is needed: a blind writer who may take for ever erases what was kept', async () => {
    expect(await fc.check(inAnyWorld('signer', false, 'their own'), { numRuns })).toMatchObject({
      failed: true,
    });
  });
});

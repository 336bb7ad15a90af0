// `npm run test:faults`: every fault at every request of a promotion, at the source and at the target,
// once and for ever, between every two kinds of registry. Prints the tables.
import { describe, expect, it } from 'vitest';
import { inParallel } from '../../../src/image/in-parallel.ts';
import { drivePromoting, type PromotionDrive, requestsOfPromotion } from '../drive-promoting.ts';
import { faults, grounds, tableOf } from '../product.ts';

const places = grounds.filter((ground) => !ground.startsWith('signature repository'));
const pairs = places.flatMap((source) => places.map((target) => [source, target] as const));

describe.each(pairs)('promoting from a registry with %s to one with %s', (...both) => {
  it.each([
    ['meets a fault once', false],
    ['meets a fault that stays', true],
  ])('%s', async (title, forever) => {
    const counts = await requestsOfPromotion(both);
    // What stays is told by far fewer places than what passes.
    const drives = (['source', 'target'] as const).flatMap((side) =>
      faults.flatMap((fault) =>
        Array.from({ length: counts[side] }, (_, at) => at)
          .filter((at) => at % (forever ? 8 : 1) === 0)
          .map((at): PromotionDrive => ({ grounds: both, side, fault, at, forever })),
      ),
    );
    const driven = await inParallel(drives, 1, async (drive) => ({
      drive: { ...drive, ground: both[0] },
      ...(await drivePromoting(drive)),
    }));
    console.log(`\nPromoting, ${both.join(' to ')}: ${title}\n${tableOf(driven)}`);
    expect(driven.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  });
});

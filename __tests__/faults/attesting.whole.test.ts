// A part of the product of `npm run test:faults`: every fault, at some request of a run that attests,
// on every kind of registry.
import { expect, it } from 'vitest';
import type { Drive, Driven } from './drive.ts';
import { requestsOfAttesting } from './drive-attesting.ts';
import { driveAll, faults, grounds, tableOf } from './product.ts';

/** One request for each fault and ground, so that all faults together touch every request. */
async function sample(): Promise<readonly Drive[]> {
  const requests = await Promise.all(grounds.map(requestsOfAttesting));
  return faults.flatMap((fault, number) =>
    grounds.map((ground, place) => ({
      ground,
      fault,
      at: (number * 7 + place * 5) % (requests[place] ?? 1),
      forever: false,
    })),
  );
}

it('a run that meets a fault attests or says why not, and leaves nothing invalid, lost or dangling', async () => {
  const driven = await driveAll('attesting', await sample());
  const wrong: readonly Driven[] = driven.filter((one) => one.wrong.length > 0);
  expect(wrong, tableOf(driven)).toEqual([]);
  expect(driven.filter(({ outcome }) => outcome === 'not reached').length).toBeLessThan(
    driven.length / 10,
  );
});

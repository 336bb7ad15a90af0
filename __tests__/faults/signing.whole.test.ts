// A part of the product of `npm run test:faults`: every fault, at other requests of the run each,
// on every kind of registry.
import { expect, it } from 'vitest';
import { type Drive, type Driven, requestsOfRun } from './drive.ts';
import { driveAll, faults, grounds, tableOf } from './product.ts';

/** Faults that are over at once, so that meeting them for ever is, too. */
const swift = [
  'not HTTP',
  '200 with a login page',
  '401 without challenge',
  '404',
  '429 in an hour',
  '501',
];

/**
 * Two requests for each fault, so that all faults together touch every request; some faults also
 * for ever.
 */
async function sample(): Promise<readonly Drive[]> {
  const requests = await Promise.all(grounds.map(requestsOfRun));
  return faults.flatMap((fault, number) => {
    const places = [number % grounds.length];
    const at = (place: number, step: number) =>
      (number * step + place * 3) % (requests[place] ?? 1);
    const drive = (place: number, forever: boolean) => ({
      ground: grounds[place] ?? 'shared tags',
      fault,
      at: at(place, forever ? 11 : 7),
      forever,
    });
    return [
      ...places.map((place) => drive(place, false)),
      ...(swift.includes(fault) ? [drive(1, true)] : []),
    ];
  });
}

it('a run that meets a fault succeeds or says why not, and leaves nothing invalid, lost or dangling', async () => {
  const driven = await driveAll('signing', await sample());
  const wrong: readonly Driven[] = driven.filter((one) => one.wrong.length > 0);
  expect(wrong, tableOf(driven)).toEqual([]);
  expect(driven.filter(({ outcome }) => outcome === 'not reached').length).toBeLessThan(
    driven.length / 10,
  );
});

// A part of the product of `npm run test:faults`: every fault at some request of a verifying run.
import { expect, it } from 'vitest';
import { requestsOfVerifying } from './drive-verifying.ts';
import { driveAll, faults, grounds, tableOf } from './product.ts';

it('a gate that meets a fault verifies or says why not; never is an error "no signature", never does a stranger pass', async () => {
  const requests = await Promise.all(grounds.map(requestsOfVerifying));
  const drives = faults.map((fault, number) => {
    const place = number % grounds.length;
    return {
      ground: grounds[place] ?? ('shared tags' as const),
      fault,
      at: (number * 5) % (requests[place] ?? 1),
      forever: false,
    };
  });
  const driven = await driveAll('verifying', drives);
  expect(
    driven.filter(({ wrong }) => wrong.length > 0),
    tableOf(driven),
  ).toEqual([]);
});

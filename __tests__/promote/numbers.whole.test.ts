// Twenty images of three platforms: a second run takes less than 30 % of the first.
import { expect, it } from 'vitest';
import { twice } from './counting.ts';

it.each([
  ['the referrers tag', false],
  ['the referrers API', true],
])('a second run takes less than a third of the first, with %s', async (_, api) => {
  const { first, second } = await twice(20, api);
  expect(first.statuses).toEqual(new Set(['promoted']));
  expect(second.statuses).toEqual(new Set(['already-promoted']));
  expect(second.milliseconds / first.milliseconds).toBeLessThan(0.3);
  expect(second.requests / first.requests).toBeLessThan(0.45);
});

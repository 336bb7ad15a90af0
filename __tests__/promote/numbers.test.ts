// Nobody waits for what need not be asked one after another.
import { expect, it } from 'vitest';
import { answerTime, twice } from './counting.ts';

it.each([
  ['the referrers tag', false, 35],
  ['the referrers API', true, 38],
])('a second run asks nothing that it does not need, with %s', async (_, api, requests) => {
  const { first, second } = await twice(1, api);
  expect(first.statuses).toEqual(new Set(['promoted']));
  expect(second).toEqual({
    statuses: new Set(['already-promoted']),
    requests,
    // Four at the source, one to look what is there, three to verify it: what is missing shows beside.
    milliseconds: 8 * answerTime,
  });
});

import { expect, it } from 'vitest';
import { readingLimits } from '../../src/engine/prepare.ts';

it.each([
  ['30 s', 30_000, 6_500, 30_000],
  ['5 minutes, the default', 300_000, 6_500, 30_000],
  ['15 minutes', 900_000, 19_500, 30_000],
  ['an hour', 3_600_000, 78_000, 78_000],
])(
  'a gate waits for slow and failing registries in proportion to a longer timeout, and never less than with the default: %s',
  (...row) => {
    const [, timeout, failing, asked] = row;
    expect(readingLimits(timeout)).toMatchObject({
      network: { slowHosts: { grace: 2_000, most: failing } },
      registries: { retryBudget: { failing, asked } },
    });
  },
);

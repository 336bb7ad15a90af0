// `npm run test:faults`: every fault at every request of a run, once and for ever, on every kind of
// registry. Prints the tables.
import { describe, expect, it } from 'vitest';
import { driveAll, grounds, product, tableOf } from '../product.ts';

describe.each(grounds)('signing on a registry with %s', (ground) => {
  it.each([
    ['meets a fault once', false],
    ['meets a fault that stays', true],
  ])('%s', async (title, forever) => {
    // What stays is told by far fewer places than what passes.
    const drives = (await product('signing', ground, forever)).filter(
      ({ at }) => !forever || at % 4 === 0,
    );
    const driven = await driveAll('signing', drives);
    console.log(`\nSigning, ${ground}: ${title}\n${tableOf(driven)}`);
    expect(driven.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  });
});

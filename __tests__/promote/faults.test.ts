// A sample of `npm run test:faults`: one fault at every third request of a promotion, another one
// each time.
import { expect, it } from 'vitest';
import { inParallel } from '../../src/image/in-parallel.ts';
import {
  drivePromoting,
  type PromotionDrive,
  requestsOfPromotion,
} from '../faults/drive-promoting.ts';

const grounds = ['shared tags', 'referrers API'] as const;
/** Those that a registry shows every day. */
const faults = [
  'hang',
  'hang after',
  'dripping body',
  'reset before',
  'reset after',
  'truncated body',
  '503 after',
  '404',
  '403',
  '200 without body',
  'malformed JSON',
];

it('whatever fails, the tag names what verified, and the next run completes it', async () => {
  const counts = await requestsOfPromotion(grounds);
  const drives = (['source', 'target'] as const)
    .flatMap((side) =>
      Array.from({ length: counts[side] }, (_, at): PromotionDrive => {
        const fault = faults[at % faults.length] as string;
        return { grounds, side, fault, at, forever: false };
      }),
    )
    .filter(({ at }) => at % 3 === 0);
  const driven = await inParallel(drives, 1, async (drive) => ({
    drive,
    ...(await drivePromoting(drive)),
  }));
  expect(driven.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  const outcomes = new Set(driven.map(({ outcome }) => outcome));
  expect(outcomes).toEqual(new Set(['signed', 'failed']));
}, 120_000);

it('an answer of the source that shows nothing once leaves no signature behind unseen', async () => {
  const passing = ['malformed JSON', '200 without body', '404'];
  const drives = (['shared tags', 'referrers API'] as const).flatMap((ground) =>
    passing.flatMap((fault) =>
      Array.from(
        { length: 8 },
        (_, at): PromotionDrive => ({
          grounds: [ground, ground],
          side: 'source',
          fault,
          at,
          forever: false,
        }),
      ),
    ),
  );
  const driven = await inParallel(drives, 1, async (drive) => ({
    drive,
    ...(await drivePromoting(drive)),
  }));
  expect(driven.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
}, 120_000);

// A job that is cancelled, or killed, in the middle: it ends (its time would be five minutes), tells
// what is true, and leaves nothing that does not verify.
import { describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const repository = 'acme/app';

/**
 * Matches an output that tells of so many answers: with debug logging there is a line for each.
 * Line by line from the start, so that it cannot backtrack.
 */
const afterAnswers = (count: number) =>
  new RegExp(
    `^(?:(?:(?!::debug::(?:GET|HEAD|POST|PUT) )[^\\n]*\\n)*::debug::(?:GET|HEAD|POST|PUT) [^\\n]*\\n){${count}}`,
  );

/**
 * Signs three images and sends the signal when the output matches. From some request on the
 * registry hangs: it does no more, or does it and does not tell; so on no machine the run is over
 * before the signal comes, and what ends it is the signal.
 */
async function cancelled(
  name: NodeJS.Signals,
  whenLine: RegExp,
  hangs: (request: { readonly sinceStart: number; readonly isAboutLast: boolean }) => boolean,
) {
  const registry = await startRegistry();
  const images = await Promise.all(
    [1, 2, 3].map((seed) => pushImage(registry.host, repository, { seed })),
  );
  const last = images[2]?.digest.slice(7) ?? '';
  const start = registry.requests.length;
  registry.set({
    faults: ({ path, index }) => {
      const sinceStart = index - start;
      return hangs({ sinceStart, isAboutLast: path.includes(last) })
        ? { kind: 'hang', apply: sinceStart % 2 === 0 }
        : undefined;
    },
  });
  const inputs = keyedInputs(
    images.map(({ reference }) => reference),
    key,
  );
  const run = await signed(inputs, { signal: { name, whenLine } });
  const kept = images.flatMap(({ digest }) =>
    storedSignatures(registry.store, repository, digest, [key], false),
  );
  return { registry, images, inputs, run, kept };
}

describe.concurrent('a job that is cancelled', () => {
  const ends: [NodeJS.Signals, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ];
  it.each(sampled(ends, ['SIGINT']))(
    'by %s ends with %i, although a request hangs, and reports what was done before',
    async (name, code) => {
      const { registry, run } = await cancelled(name, /✓[^✓]*✓/, ({ isAboutLast }) => isAboutLast);
      await using _ = registry;
      expect(run, run.shown).toMatchObject({ code, signal: undefined });
      expect(
        run.results.map(({ status, verified, error }) => [status, verified, error?.code]),
      ).toEqual([
        ['signed', true, undefined],
        ['signed', true, undefined],
        ['failed', false, 'cancelled'],
      ]);
      expect(JSON.parse(run.outputs.images ?? '')).toHaveLength(2);
      expect(run.outputs.verified).toBe('false');
      expect(run.summary).toContain('1 of 3 images failed');
    },
  );

  it('while the registry does not answer ends all the same', async () => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, repository);
    registry.set({ faults: (asked) => (asked.method === 'PUT' ? { kind: 'hang' } : undefined) });
    const run = await signed(keyedInputs(image.reference, key), {
      signal: { name: 'SIGINT', whenLine: afterAnswers(7) },
    });
    expect(run, run.shown).toMatchObject({
      code: 130,
      errorCodes: ['cancelled'],
      outputs: { verified: 'false', images: '[]' },
    });
    expect(run.results).toMatchObject([
      { status: 'failed', signatures: [], error: { code: 'cancelled' } },
    ]);
    expect(run.summary).toContain('cancelled');
  });

  const ended: [NodeJS.Signals, number][] = [
    ['SIGTERM', 12],
    ['SIGTERM', 30],
    ['SIGTERM', 50],
    ['SIGKILL', 20],
    ['SIGKILL', 40],
    ['SIGKILL', 60],
  ];
  it.each(sampled(ended, ['SIGTERM 30', 'SIGKILL 20'], (row) => row.join(' ')))(
    'by %s after %i answers leaves only signatures that verify, and the next run completes them',
    async (name, count) => {
      const { registry, images, inputs, run, kept } = await cancelled(
        name,
        afterAnswers(count),
        ({ sinceStart }) => sinceStart >= count,
      );
      await using _ = registry;
      expect(name === 'SIGKILL' ? run.signal : run.code, run.shown).toBe(
        name === 'SIGKILL' ? 'SIGKILL' : 143,
      );
      expect(kept.filter(({ verdict }) => verdict !== 'verified')).toEqual([]);
      expect(registry.store.dangling()).toEqual([]);
      registry.set({ faults: () => undefined });
      const again = await signed(inputs);
      expect(again, again.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      for (const { digest } of images) {
        const found = storedSignatures(registry.store, repository, digest, [key], false).filter(
          ({ listed }) => listed,
        );
        // A bundle of the first run that its list did not name yet is not found again: then there
        // may be two of them.
        expect(found.map(({ verdict }) => verdict)).toEqual(found.map(() => 'verified'));
        expect(new Set(found.map(({ format }) => format))).toEqual(new Set(['bundle', 'legacy']));
      }
    },
  );
});

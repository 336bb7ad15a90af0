import { describe, expect, it } from 'vitest';
import { chooseFormats, type FormatFacts } from '../../src/engine/formats.ts';

const keyed: FormatFacts = {
  tlog: true,
  logV1: true,
  logV2: false,
  timestamp: false,
};
const keyless: FormatFacts = { ...keyed, certificate: 'fulcio' };
const own: FormatFacts = { ...keyed, certificate: 'own' };
const onlyV2 = { logV1: false, logV2: true } as const;
const noLog = { tlog: false, logV1: false, logV2: false } as const;

describe('chooseFormats', () => {
  it.each([
    ['auto with a key and a v1 log', 'auto', keyed, ['bundle', 'legacy']],
    ['auto with a key and no log', 'auto', { ...keyed, ...noLog }, ['bundle', 'legacy']],
    ['auto keyless with a v1 log', 'auto', keyless, ['bundle', 'legacy']],
    [
      'auto keyless with a timestamp only',
      'auto',
      { ...keyless, ...noLog, timestamp: true },
      ['bundle', 'legacy'],
    ],
    ['both', 'both', keyed, ['bundle', 'legacy']],
    ['bundle', 'bundle', keyed, ['bundle']],
    ['bundle with a v2 log', 'bundle', { ...keyed, ...onlyV2 }, ['bundle']],
    ['legacy', 'legacy', keyed, ['legacy']],
    ['both kinds of log', 'auto', { ...keyless, logV2: true }, ['bundle', 'legacy']],
  ] as const)('%s', (_name, choice, facts, formats) => {
    expect(chooseFormats(choice, facts)).toEqual({ formats });
  });

  it('writes only the bundle to a v2 log, and says why', () => {
    const { formats, notice } = chooseFormats('auto', { ...keyless, ...onlyV2, timestamp: true });
    expect(formats).toEqual(['bundle']);
    expect(notice).toContain('Rekor v2');
  });

  it.each([
    ['legacy with a v2 log', 'legacy', { ...keyed, ...onlyV2 }, 'Rekor v2'],
    ['both with a v2 log', 'both', { ...keyed, ...onlyV2 }, 'Rekor v2'],
    ['keyless without log and timestamp', 'auto', { ...keyless, ...noLog }, 'tlog: false'],
    ['keyless with a v2 log and no timestamp', 'auto', { ...keyless, ...onlyV2 }, 'timestamp'],
    [
      'a certificate without log and timestamp',
      'auto',
      { ...own, ...noLog },
      'Signing with a cert',
    ],
    ['a certificate with a v2 log and no timestamp', 'auto', { ...own, ...onlyV2 }, 'timestamp'],
  ] as const)('refuses %s', (_name, choice, facts, text) => {
    expect(() => chooseFormats(choice, facts)).toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(text) }),
    );
  });
});

describe('something must prove the time of a signature with a certificate', () => {
  const bools = [true, false];
  const cases = ([{}, { certificate: 'fulcio' }, { certificate: 'own' }] as const).flatMap((who) =>
    bools.flatMap((tlog) => bools.map((timestamp) => ({ ...who, tlog, timestamp }))),
  );
  it.each(cases)('%o', (run) => {
    const choose = () => chooseFormats('auto', { ...run, logV1: run.tlog, logV2: false });
    if ('certificate' in run && !run.tlog && !run.timestamp)
      expect(choose).toThrow(/`tlog: false`/);
    else expect(choose()).toEqual({ formats: ['bundle', 'legacy'] });
  });
});

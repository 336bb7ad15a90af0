import { describe, expect, it } from 'vitest';
import { secondsInWords } from '../../src/clock.ts';
import { verifyLine } from '../../src/edges/command/write.ts';
import { gateStep } from '../../src/edges/report/gate-step.ts';
import { namesInWords, tagNotice, tagWarning } from '../../src/edges/report/lists.ts';
import { signOutputs } from '../../src/edges/report/outputs.ts';
import { signedLine, timestampOnly } from '../../src/edges/report/sign-lines.ts';
import { signSummary } from '../../src/edges/report/sign-summary.ts';
import { shortSigner, signedBy, signerInWords } from '../../src/edges/report/signer-words.ts';
import { signVerdict } from '../../src/edges/report/verdict-line.ts';
import { verifyCommand } from '../../src/edges/report/verify-command.ts';
import type { SignResult } from '../../src/engine/sign-result.ts';
import { keyed, keyless } from './results.ts';

const at = (ref: string, host = 'github.com') =>
  `https://${host}/acme/app/.github/workflows/release.yml@${ref}`;

describe('a signer in words', () => {
  it.each([
    [at('refs/heads/main'), 'release.yml of acme/app at main'],
    [at('refs/tags/v1.2.0'), 'release.yml of acme/app at tag v1.2.0'],
    [at('refs/pull/7/merge'), 'release.yml of acme/app at refs/pull/7/merge'],
    [at('refs/heads/refs/tags/v1'), 'release.yml of acme/app at refs/heads/refs/tags/v1'],
    ['release@acme.example', 'release@acme.example'],
  ])('%s', (identity, words) => expect(shortSigner({ identity })).toBe(words));

  it('is of another server where it is, and never shows a path that reads like a sentence', () => {
    expect(signerInWords({ identity: at('refs/heads/main', 'evil.example') })).toBe(
      'workflow release.yml of evil.example/acme/app at refs/heads/main',
    );
    const spoken = 'https://github.com/x/y/.github/workflows/a.yml of acme/app at main, as@r';
    expect(signerInWords({ identity: spoken })).toBe(spoken);
  });

  it('is said once for many images', () => {
    const main = { identity: at('refs/heads/main'), issuer: 'i' };
    const key = { keyId: 'hXQ0Gm3m0sZ3rJ2pF1oH1m0pW4qPZt2b8d0y7c9uM5A=' };
    expect([[main, main], [key], [main, key], []].map(signedBy)).toEqual([
      'Signed by release.yml of acme/app at main',
      'Signed with key hXQ0Gm3m0sZ3…',
      'Signed by 2 signers',
      'Signed',
    ]);
  });
});

describe('an image that no log took in', () => {
  const { signatures } = keyless();
  const stamp = { timestamp: '2026-11-28T10:00:00.000Z', withoutLog: true } as const;
  const bare = signatures.map(({ tlogIndex: _, logId: __, integratedTime: ___, ...rest }) => ({
    ...rest,
    ...stamp,
  }));
  const down = keyless('app', { signatures: bare });
  const half = keyless('app', { signatures: [...bare.slice(0, 1), ...signatures.slice(1)] });

  it('is told loudly, with what verifiers say of it and what to do', () => {
    const text = timestampOnly([down, keyless('two')], 'Rekor at https://r.example is down.');
    expect(text).toMatch(
      /^2 of 4 signatures are in no transparency log .* Rekor at https:\/\/r\.example is down\. .*`--use-signed-timestamps --insecure-ignore-tlog=true`.*`tlog: ignore`.*Run this step again/,
    );
    expect(timestampOnly([half], undefined)).toMatch(/^1 of 2 signatures is in no transparency/);
    expect(timestampOnly([keyless(), keyed()], undefined)).toBeUndefined();
  });

  it('is so in its line and in the sentence about the run', () => {
    expect(signedLine(down)).toMatch(
      /signed \(bundle and legacy\), in no log, timestamp only, read/,
    );
    expect(signedLine(half)).toMatch(/log index 312345679, in part in no log, read back/);
    expect(signedLine(keyless())).not.toContain('in no log');
    expect(signVerdict([down, keyless('two')], 1_000)).toMatch(/, not in the log, read back/);
    expect(signVerdict([keyless()], 1_000)).not.toContain('not in the log');
  });

  it('is verified without the log, and no other image is', () => {
    const setting = { env: {}, tlog: true, privateSigstore: false };
    expect(gateStep([down], setting)).toContain('tlog: ignore');
    expect(gateStep([keyless('two'), down], setting)).toContain('tlog: ignore');
    for (const good of [keyless(), half]) expect(gateStep([good], setting)).not.toContain('ignore');
    const words = (one: SignResult) => verifyCommand(one, setting)?.words ?? [];
    for (const one of [down, half])
      expect(words(one)).toEqual(
        expect.arrayContaining(['--insecure-ignore-tlog=true', '--use-signed-timestamps']),
      );
    expect(words(keyless())).not.toContain('--insecure-ignore-tlog=true');
    const report = { tlog: true, privateSigstore: false };
    const request = { recursive: false, registry: { allowHttp: false, allowInsecure: false } };
    expect(verifyLine({ ...report, results: [down] }, request)).toContain('--tlog ignore');
    expect(verifyLine({ ...report, results: [half] }, request)).not.toContain('--tlog');
  });

  it('is no success in the summary, and nothing in the outputs says that it is in a log', () => {
    const how = { env: {}, tlog: true, privateSigstore: false, readBack: true };
    const text = signSummary([down], { ...how, logOutage: 'Rekor is down.' });
    expect(text).toMatch(/^## ⚠️ 1 image signed and verified, not in the log\n/);
    expect(text).toContain('⚠️ 2 of 2 signatures are in no transparency log');
    expect(signSummary([keyless()], how)).not.toMatch(/⚠️|not in the log/);
    const outputs = signOutputs({ results: [down], readBack: true });
    expect(outputs).toMatchObject({ 'tlog-index': '', 'tlog-url': '', verified: 'true' });
    expect(JSON.parse(outputs.results ?? '')[0].signatures).toMatchObject([
      { tlogIndex: null, logId: null, integratedTime: null, withoutLog: true },
      { tlogIndex: null, withoutLog: true },
    ]);
    const [good] = JSON.parse(signOutputs({ results: [keyless()], readBack: true }).results ?? '');
    expect(good.signatures[0]).not.toHaveProperty('withoutLog');
  });
});

it('all names of a digest stand in one line, the repository once', () => {
  const names = ['r.io/a/b:1@sha256:00', 'r.io/a/b:2', 'r.io/a/b:1', 'r.io:5000/c', 'r.io/a/b:3'];
  expect(namesInWords(names, 'x')).toBe('r.io/a/b:1, :2, r.io:5000/c, r.io/a/b:3');
  const many = Array.from({ length: 30 }, (_, tag) => `r.io/a/b:${tag}`);
  expect(namesInWords(many, 'x')).toMatch(/:19 and 10 more$/);
  expect(namesInWords([], 'r.io/a/b@sha256:00')).toBe('r.io/a/b');
});

it('ten bare tags are one warning', () => {
  const tags = Array.from({ length: 10 }, (_, tag) => ({ reference: `a:${tag}`, digest: 'd' }));
  expect(tagWarning(tags)).toMatch(/^a:0, a:1, a:2 and 7 more are tags, and tags can move/);
  expect(tagNotice(tags)).toMatch(/^a:0, a:1, a:2 and 7 more are tags, and tags can move/);
  expect(tagWarning(tags.slice(0, 1))).toMatch(/^a:0 is a tag, .* it was d just now\. Add `digest/);
});

it.each([
  [40, '0.1 s'],
  [430, '0.4 s'],
  [2_600, '3 s'],
  [125_000, '2 min 5 s'],
])('%i ms is %s', (milliseconds, words) => expect(secondsInWords(milliseconds)).toBe(words));

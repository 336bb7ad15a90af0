import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandText,
  quote,
  type VerifySetting,
  verifyCommand,
} from '../../src/edges/report/verify-command.ts';
import type { SignResult } from '../../src/engine/sign-result.ts';
import { failed, keyed, keyless } from './results.ts';

const setting: VerifySetting = { tlog: true, privateSigstore: false };
const identity =
  '--certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0';
const issuer = '--certificate-oidc-issuer https://token.actions.githubusercontent.com';

function words(result: SignResult, change: Partial<VerifySetting> = {}) {
  return verifyCommand(result, { ...setting, ...change })?.words;
}

/** The one signature of `result`, changed. */
function withSignature(result: SignResult, change: object): SignResult {
  return {
    ...result,
    signatures: result.signatures.slice(0, 1).map((signature) => ({ ...signature, ...change })),
  };
}

describe('the command to repeat the verification', () => {
  const app = keyless('app');
  const logged = withSignature(keyed('app'), {
    tlogIndex: 5,
    logId: 'ab',
    integratedTime: 1_790_000_000,
  });
  const stamped = { timestamp: '2026-11-20T11:21:21Z' };
  const { integratedTime: _, ...timeless } = app.signatures[0] ?? app.signatures[1]!;
  const v2: SignResult = { ...app, signatures: [{ ...timeless, ...stamped }] };
  const { tlogIndex: __, logId: ___, ...unlogged } = timeless;
  const stampOnly: SignResult = { ...app, signatures: [{ ...unlogged, ...stamped }] };

  it.each<[string, SignResult, Partial<VerifySetting>, readonly string[]]>([
    ['keyless', app, {}, [identity, issuer]],
    ['keyless, Rekor v1 and a timestamp', withSignature(app, stamped), {}, [identity, issuer]],
    ['keyless, Rekor v2', v2, {}, [identity, issuer, '--use-signed-timestamps']],
    [
      'keyless, timestamp only',
      stampOnly,
      { tlog: false },
      [identity, issuer, '--insecure-ignore-tlog=true', '--use-signed-timestamps'],
    ],
    [
      'keyless, private instance',
      app,
      { privateSigstore: true },
      [identity, issuer, '--trusted-root trusted_root.json'],
    ],
    [
      'keyed, private instance',
      logged,
      { privateSigstore: true },
      ['--key cosign.pub', '--trusted-root trusted_root.json'],
    ],
    [
      'keyed, in no log of a private instance',
      keyed('app'),
      { tlog: false, privateSigstore: true },
      ['--key cosign.pub', '--insecure-ignore-tlog=true'],
    ],
    ['keyed, in the log', logged, {}, ['--key cosign.pub']],
    [
      'keyed, in no log',
      keyed('app'),
      { tlog: false },
      ['--key cosign.pub', '--insecure-ignore-tlog=true'],
    ],
    [
      'annotations',
      keyless('app', { annotations: { team: 'blue', note: 'two words' } }),
      {},
      [identity, issuer, '-a team=blue', "-a 'note=two words'"],
    ],
    [
      'a comma, which cosign reads as CSV',
      keyless('app', { annotations: { list: 'a,"b"' } }),
      {},
      [identity, issuer, `-a '"list=a,""b"""'`],
    ],
    [
      'a registry in plain http',
      app,
      { plainHttp: () => true },
      [identity, issuer, '--allow-http-registry'],
    ],
  ])('%s', (_, result, change, options) =>
    expect(words(result, change)).toEqual(['cosign verify', ...options, app.image]),
  );

  it('says which annotations cosign cannot ask for', () => {
    const command = verifyCommand(
      keyless('app', { annotations: { q: 'a=b', team: 'blue' } }),
      setting,
    );
    expect([command?.words.slice(3, -1), command?.notes]).toEqual([
      ['-a team=blue'],
      ['cosign cannot ask for these annotations on its command line: q.'],
    ]);
  });

  it.each([
    ['what failed', failed('app')],
    ['nothing written', keyless('app', { signatures: [] })],
    ['nobody signed', keyless('app', { signer: {} })],
    [
      'control characters',
      keyless('app', { signer: { identity: 'x\u001b]0;y\u0007', issuer: 'z' } }),
    ],
    ['a line break', keyless('app', { annotations: { a: 'b\nrm -rf' } })],
  ])('there is none for %s', (_, result) => expect(verifyCommand(result, setting)).toBeUndefined());

  it('asks for a certificate of an own authority without issuer and log of certificates', () => {
    const command = verifyCommand(keyless('app', { signer: { identity: 'a@b.example' } }), setting);
    expect(command?.words).toEqual(
      expect.arrayContaining([
        '--certificate-identity a@b.example',
        "--certificate-oidc-issuer-regexp '^$'",
        '--insecure-ignore-sct=true',
        '--trusted-root trusted_root.json',
      ]),
    );
    expect(command?.notes.join()).toContain('certificateAuthorities');
  });

  it.skipIf(process.platform === 'win32')('reaches cosign word for word through a shell', () => {
    const evil = `'; touch /tmp/x; $(id) \`id\` "\\" ! * ~ # & | < >`;
    const result = keyless('app', {
      signer: { identity: evil, issuer: `-${evil}` },
      annotations: { a: evil.replaceAll('=', '') },
    });
    const text = commandText(verifyCommand(result, setting)!).replace(
      'cosign verify',
      "printf '%s\\n'",
    );
    const seen = execFileSync('/bin/sh', ['-c', text], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(seen).toEqual([
      '--certificate-identity',
      evil,
      '--certificate-oidc-issuer',
      `-${evil}`,
      '-a',
      `"a=${evil.replaceAll('"', '""')}"`,
      result.image,
    ]);
  });

  it.skipIf(process.platform === 'win32')('quotes every text for the shell', () => {
    const texts = fc.array(
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\0\r\n]/g, ' ')),
      { minLength: 1 },
    );
    const samples = fc.sample(texts, 200);
    // One shell for all: a process for each takes minutes on a busy machine.
    const script = samples.map((sample) => `printf '%s\\n' ${sample.map(quote).join(' ')}`);
    const output = execFileSync('/bin/bash', { encoding: 'utf8', input: script.join('\n') });
    expect(output.split('\n')).toEqual([...samples.flat(), '']);
  });
});

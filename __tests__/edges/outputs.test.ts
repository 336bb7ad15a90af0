import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type Commands, createLog } from '../../src/edges/action/log.ts';
import { appendSummary, signOutputs, writeOutputs } from '../../src/edges/report/outputs.ts';
import { failed, keyed, keyless, workflowSigner } from './results.ts';

const app = keyless('app', { signer: { ...workflowSigner, github: { repositoryId: '74' } } });
const amd64 = keyless('amd64', { platform: 'linux/amd64', partOf: app.image });

describe('the outputs of sign-image', () => {
  it('tell of the first image, and of all', () => {
    const { results, ...outputs } = signOutputs({
      results: [app, amd64, keyless('web')],
      readBack: true,
      bundlePath: '/tmp/b.json',
      policiesPath: '/tmp/p',
    });
    expect(outputs).toEqual({
      verified: 'true',
      'tlog-index': '312345678',
      'tlog-url': 'https://search.sigstore.dev/?logIndex=312345678',
      image: app.image,
      digest: app.digest,
      images: JSON.stringify([app.image, keyless('web').image]),
      'signature-digest': app.signatures[0]?.digest,
      bundle: '/tmp/b.json',
      certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      identity: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0',
      issuer: 'https://token.actions.githubusercontent.com',
      'github-repository-id': '74',
      'github-repository-owner-id': '',
      policies: '/tmp/p',
    });
    expect(JSON.parse(results ?? '')).toHaveLength(3);
  });

  it('have results as the contract writes them, what is unknown being null', () => {
    const result = keyed('amd64', {
      platform: 'linux/amd64',
      partOf: app.image,
      annotations: { team: 'blue' },
    });
    const { digest, image, signatures, signer } = result;
    expect(JSON.parse(signOutputs({ results: [result], readBack: true }).results ?? '')).toEqual([
      {
        image,
        digest,
        platform: 'linux/amd64',
        status: 'signed',
        signatures: [
          {
            format: 'bundle',
            digest: signatures[0]?.digest,
            reference: signatures[0]?.reference,
            tlogIndex: null,
            logId: null,
            integratedTime: null,
            timestamp: null,
            keyId: signer.keyId,
          },
        ],
        signer,
        annotations: { team: 'blue' },
        verified: true,
      },
    ]);
  });

  it.each([
    ['nothing done', [], true, 'false', '[]'],
    ['all verified', [app, amd64], true, 'true', JSON.stringify([app.image])],
    [
      'already signed and verified',
      [keyless('app', { status: 'already-signed' })],
      true,
      'true',
      JSON.stringify([app.image]),
    ],
    ['not read back', [app], false, '', JSON.stringify([app.image])],
    ['one image failed', [app, failed('web')], true, 'false', JSON.stringify([app.image])],
    ['one image does not verify', [keyless('app', { verified: false })], true, 'false', '[]'],
    [
      'one platform does not verify',
      [app, { ...amd64, verified: false }],
      true,
      'false',
      JSON.stringify([app.image]),
    ],
    [
      'one image was not looked at',
      [app, { ...failed('x'), status: 'signed' as const }],
      true,
      'false',
      JSON.stringify([app.image, failed('x').image]),
    ],
  ])('verified and images: %s', (_, results, readBack, verified, images) => {
    const outputs = signOutputs({ results, readBack });
    expect([outputs.verified, outputs.images]).toEqual([verified, images]);
  });

  it('claim nothing of a first image that failed, but its name', () => {
    const outputs = signOutputs({ results: [failed('web'), app], readBack: true });
    const { image, digest, results, images, verified, ...rest } = outputs;
    expect([image, digest]).toEqual([failed('web').image, failed('web').digest]);
    expect(Object.values(rest).filter((value) => value !== '')).toEqual([]);
  });

  it('name no image that the registry could not find, and tell why', () => {
    const { digest: _, ...lost } = failed('web', { image: 'ghcr.io/acme/web:9' });
    const outputs = signOutputs({ results: [lost], readBack: true });
    const { code, message, fix } = lost.error ?? failed('web').error!;
    expect([outputs.image, outputs.digest, outputs.images]).toEqual(['', '', '[]']);
    expect(JSON.parse(outputs.results ?? '')).toEqual([
      {
        image: 'ghcr.io/acme/web:9',
        digest: null,
        status: 'failed',
        signatures: [],
        signer: {},
        annotations: {},
        verified: null,
        error: { code, message, fix },
      },
    ]);
  });

  it('link only to the log that has a page', () => {
    const elsewhere = {
      ...app,
      signatures: app.signatures.map((signature) => ({ ...signature, logId: 'ab'.repeat(32) })),
    };
    const outputs = signOutputs({ results: [elsewhere], readBack: true });
    expect([outputs['tlog-index'], outputs['tlog-url']]).toEqual(['312345678', '']);
  });

  it('stay below what GitHub takes, dropping the certificates first', () => {
    const many = Array.from({ length: 600 }, (_, index) => {
      const image = keyless(`app${index}`);
      return {
        ...image,
        signatures: image.signatures.map((signature) => ({
          ...signature,
          certificate: 'c'.repeat(1000),
        })),
      };
    });
    const { results = '' } = signOutputs({ results: many, readBack: true });
    expect(Buffer.byteLength(results)).toBeLessThan(900_001);
    const parsed = JSON.parse(results);
    expect([
      parsed.length,
      parsed[0].signatures.length,
      parsed[0].signatures[0].certificate,
    ]).toEqual([600, 2, undefined]);
  });
});

describe('writing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outputs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const said: string[] = [];
  const note = (message: string) => void said.push(message);
  const commands: Commands = {
    info: note,
    notice: note,
    warning: note,
    error: note,
    debug: note,
    isDebug: () => true,
  };
  const log = createLog(commands);
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    said.length = 0;
  });

  it('outputs go to the file, values with many lines too', () => {
    const file = join(folder, 'output');
    writeFileSync(file, '');
    vi.stubEnv('GITHUB_OUTPUT', file);
    writeOutputs({ verified: 'true', certificate: 'a\nb' }, log);
    const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
    expect(text.replaceAll(/ghadelimiter_[\w-]+/g, 'X')).toBe(
      'verified<<X\ntrue\nX\ncertificate<<X\na\nb\nX\n',
    );
  });

  it.each([
    ['not set', undefined],
    ['empty', ''],
    ['a file that is not there', join(folder, 'missing', 'output')],
  ])('outputs are left out and nothing is printed when GITHUB_OUTPUT is %s', (_, file) => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    vi.stubEnv('GITHUB_OUTPUT', file);
    writeOutputs({ results: '[]' }, log);
    expect(write).not.toHaveBeenCalled();
    expect(said).toEqual([expect.stringContaining('GITHUB_OUTPUT')]);
  });

  it('the summary is appended', () => {
    const file = join(folder, 'summary.md');
    appendSummary('## a', log, { GITHUB_STEP_SUMMARY: file });
    appendSummary('## b', log, { GITHUB_STEP_SUMMARY: file });
    expect(readFileSync(file, 'utf8')).toBe('## a\n## b\n');
  });

  it.each([[{}], [{ GITHUB_STEP_SUMMARY: join(folder, 'missing', 'summary') }]])(
    'the summary is left out without its file',
    (env) => {
      appendSummary('## a', log, env);
      expect(said).toEqual([expect.stringMatching(/summary/i)]);
    },
  );
});

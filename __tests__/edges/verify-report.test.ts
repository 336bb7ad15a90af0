import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { commentBody } from '../../src/edges/report/comment-body.ts';
import { sarifLog } from '../../src/edges/report/sarif.ts';
import { markedDifference } from '../../src/edges/report/stranger-advice.ts';
import { fixHtml } from '../../src/edges/report/summary-html.ts';
import { adviceFor } from '../../src/edges/report/verify-advice.ts';
import { verifyOutputs } from '../../src/edges/report/verify-outputs.ts';
import {
  type VerifySummarySetting,
  verifyFailureSummary,
  verifySummary,
} from '../../src/edges/report/verify-summary.ts';
import { resultLine } from '../../src/edges/report/verify-words.ts';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { Failure } from '../../src/failure.ts';
import { keyId } from '../../src/signature/key.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { verdictCodes } from '../../src/signature/verdict.ts';
import { plainLines } from './plain.ts';
import { workflowSigner } from './results.ts';
import { bad, good, inside, verdictOf } from './verify-results.ts';

const app = good();
const web = bad('wrong-identity', 'web');
const identities = [{ exact: workflowSigner.identity }];
const policy: SignaturePolicy = {
  signers: [{ identities, issuers: [{ exact: workflowSigner.issuer }] }],
  annotations: {},
  tlog: 'required',
  fromInputs: true,
};
const setting: VerifySummarySetting = {
  policy,
  policyFiles: [],
  fail: true,
  env: {
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
    GITHUB_ACTION_REF: 'v1',
    GITHUB_REPOSITORY_OWNER: 'Acme',
  },
  ownerType: 'Organization',
};

describe('the outputs', () => {
  it('hand on what verified, and name what did not', () => {
    const { results, ...outputs } = verifyOutputs([app, web]);
    expect(outputs).toEqual({
      verified: 'false',
      image: app.image,
      digest: app.digest,
      images: JSON.stringify([app.image]),
      'tlog-index': '312345678',
      ...workflowSigner,
      attestations: '[]',
      failed: JSON.stringify(['ghcr.io/acme/web:1.2.0']),
      report: '',
    });
    const { certificate: _, ...signature } = verdictOf('verified');
    expect(JSON.parse(results ?? '')).toEqual([
      {
        image: app.image,
        reference: 'ghcr.io/acme/app:1.2.0',
        digest: app.digest,
        verified: true,
        signatures: [signature],
      },
      {
        image: web.image,
        reference: 'ghcr.io/acme/web:1.2.0',
        digest: web.digest,
        verified: false,
        code: 'wrong-identity',
        reason: 'It is wrong-identity.',
        signatures: [verdictOf('wrong-identity')],
      },
    ]);
  });

  it('hand on the attestations of images that verified, and list those that do not count', () => {
    const { certificate: _, annotations: __, ...verdict } = verdictOf('verified');
    const type = 'https://slsa.dev/provenance/v1';
    const path = '/tmp/predicate.json';
    const attestations = [
      {
        ...verdict,
        type,
        path,
        provenance: { builder: 'https://github.com/acme/app/actions/runs/7' },
      },
      {
        ...verdict,
        type: 'https://spdx.dev/Document',
        verified: false,
        code: 'wrong-identity',
        reason: 'It is not.',
      },
    ] as const;
    const outputs = verifyOutputs([good('app', { attestations })]);
    expect(JSON.parse(outputs.attestations ?? '')).toEqual([
      { image: app.image, type, path, ...workflowSigner, tlogIndex: 312_345_678 },
    ]);
    const [result] = JSON.parse(outputs.results ?? '');
    expect(result.attestations).toEqual(attestations);
    const inner = inside(app, bad('unsigned', 'platform'));
    expect(verifyOutputs([good('app', { attestations }), inner]).attestations).toBe('[]');

    const only = good('app', { attestations, signatures: [] });
    const { identity, issuer, 'tlog-index': index } = verifyOutputs([only]);
    expect([identity, issuer, index]).toEqual([...Object.values(workflowSigner), '312345678']);
    expect(resultLine(only)).toContain(': attested by workflow release.yml of acme/app');
    expect(resultLine(only)).toContain(`; attested: ${type}`);
    const summary = verifySummary([only], {
      ...setting,
      attestationTypes: [type],
      signature: 'ignore',
    });
    expect(summary).toContain('builder <code>https://github.com/acme/app/actions/runs/7</code>');
    expect(summary).toContain('Signatures of the image: not looked at');
    expect(summary).toContain('1 attestation of');
  });

  it('tell whose an attestation is, and where provenance speaks of another build', () => {
    const { certificate: _, annotations: __, ...verdict } = verdictOf('wrong-identity');
    const type = 'https://slsa.dev/provenance/v1';
    const about = (code: 'wrong-identity' | 'wrong-claim') => {
      const expected = { ...policy, annotations: {} };
      const attestations = [{ ...verdict, code, type, identity: 'a@b.example', expected }];
      return adviceFor(bad(code, 'app', { signatures: [], attestations }));
    };
    expect(about('wrong-identity')).toContain('a@b.example');
    expect(about('wrong-claim')).toContain('states another builder, or other sources');
  });

  const platform = inside(app, bad('unsigned', 'platform'));
  it.each<[string, readonly VerifyResult[], string, readonly string[], readonly string[]]>([
    ['nothing', [], 'false', [], []],
    ['a good image', [app], 'true', [app.image], []],
    ['an index with a bad platform', [app, platform], 'false', [], ['ghcr.io/acme/app:1.2.0']],
    [
      'an index with a good platform',
      [app, inside(app, good('platform'))],
      'true',
      [app.image],
      [],
    ],
    [
      'a platform of another index',
      [app, good('other'), inside(good('other'), bad('unsigned', 'p'))],
      'false',
      [app.image],
      ['ghcr.io/acme/other:1.2.0'],
    ],
    [
      'what was let through',
      [good('app', { signatures: [], reason: 'Static.' })],
      'true',
      [app.image],
      [],
    ],
    ['what could not be found', [bad('unresolved')], 'false', [], ['ghcr.io/acme/app:1.2.0']],
  ])('of %s', (_, results, verified, images, failed) => {
    const outputs = verifyOutputs(results);
    expect([
      outputs.verified,
      JSON.parse(outputs.images ?? ''),
      JSON.parse(outputs.failed ?? ''),
    ]).toEqual([verified, images, failed]);
  });

  it('take the signer from the good signature, never from a rejected one', () => {
    const stranger = verdictOf('wrong-identity', {
      identity: 'https://evil.example',
      tlogIndex: 1,
    });
    expect(
      verifyOutputs([good('app', { signatures: [stranger, verdictOf('verified')] })]),
    ).toMatchObject({
      ...workflowSigner,
      'tlog-index': '312345678',
    });
    expect(verifyOutputs([bad('wrong-identity', 'app', { signatures: [stranger] })])).toMatchObject(
      {
        identity: '',
        issuer: '',
        'tlog-index': '',
      },
    );
  });

  it('fit into what GitHub takes, with the good signature kept longest', () => {
    const flood = Array.from({ length: 5_000 }, () =>
      verdictOf('malformed', { reason: 'x'.repeat(300) }),
    );
    const json =
      verifyOutputs([good('app', { signatures: [...flood, verdictOf('verified')] })]).results ?? '';
    expect(Buffer.byteLength(json)).toBeLessThan(1_000_000);
    const [{ signatures }] = JSON.parse(json);
    expect(signatures).toHaveLength(20);
    expect(signatures[0]).toMatchObject({ verified: true });
  });
});

describe('the line of the log', () => {
  const { digest } = app;
  it.each<[VerifyResult, string]>([
    [
      app,
      `✓ ghcr.io/acme/app:1.2.0 ${digest}: signed by workflow release.yml of acme/app at refs/tags/v1.2.0, 2026-09-21 14:13 UTC, log index 312345678`,
    ],
    [
      good('app', {
        signatures: [
          verdictOf('malformed'),
          verdictOf('verified', { identity: 'release@acme.example' }),
        ],
      }),
      `✓ ghcr.io/acme/app:1.2.0 ${digest}: signed by release@acme.example, 2026-09-21 14:13 UTC, log index 312345678`,
    ],
    [
      good('app', { signatures: [], reason: 'Static.' }),
      `✓ ghcr.io/acme/app:1.2.0 ${digest}: let through without a signature: Static.`,
    ],
    [
      bad('wrong-identity'),
      `✗ ghcr.io/acme/app:1.2.0 ${digest}: wrong-identity: It is wrong-identity.`,
    ],
    [
      good('app', {
        references: ['ghcr.io/acme/app:1.2.0', 'ghcr.io/acme/app:1.2', 'quay.io/acme/app:latest'],
        signatures: [],
        reason: 'Static.',
      }),
      `✓ ghcr.io/acme/app:1.2.0, :1.2, quay.io/acme/app:latest ${digest}: let through without a signature: Static.`,
    ],
    [
      bad('unsigned', 'app', {
        sources: [{ reference: 'ghcr.io/acme/app:1.2.0', file: 'deploy/a.yaml', line: 3 }],
      }),
      `✗ ghcr.io/acme/app:1.2.0 ${digest} (deploy/a.yaml:3): unsigned: It is unsigned.`,
    ],
    [
      inside(app, bad('unsigned')),
      `✗ ghcr.io/acme/app:1.2.0 linux/amd64 ${digest}: unsigned: It is unsigned.`,
    ],
  ])('%#', (result, line) => expect(resultLine(result)).toBe(line));

  it('is one line, whatever a certificate says', () => {
    const identity = 'release@acme.example\n::error::forged\u202e';
    const line = resultLine(good('app', { signatures: [verdictOf('verified', { identity })] }));
    expect(line.split('\n')).toHaveLength(1);
    expect(line).toContain('release@acme.example\\u000a::error::forged\\u202e');
  });
});

describe('the advice', () => {
  it.each(verdictCodes)('for %s is a sentence', (code) =>
    expect(adviceFor(bad(code))).toMatch(/^[A-Z].*[.`]$/s),
  );

  it('names the repository without tag and digest, and keeps a port', () => {
    expect(
      adviceFor(bad('unsigned', 'app', { image: `localhost:5000/acme/app@${app.digest}` })),
    ).toContain('- uses: OWNER/sign-image@v1\n  with:\n    images: localhost:5000/acme/app\n');
  });

  it.each(['wrong-identity', 'wrong-issuer', 'wrong-claim', 'wrong-key'] as const)(
    'for %s never trusts the stranger',
    (code) => {
      const identity = workflowSigner.identity.replace('acme', 'evil');
      const signatures = [verdictOf(code, { identity, expected: policy })];
      const text = adviceFor(bad(code, 'app', { signatures }));
      expect(text).toMatch(/Do not use this image|Use an image that was built from there/);
      expect(text).not.toContain('with:');
    },
  );

  it('shows who signed beside who was expected, and keeps a forged line out of it', () => {
    const identity = 'https://github.com/evil/app\nkey: evil\u202e';
    const signatures = [verdictOf('wrong-identity', { identity, expected: policy })];
    const text = adviceFor(bad('wrong-identity', 'app', { signatures }));
    expect(text).toContain(`expected: ${workflowSigner.identity}\n`);
    expect(text).toContain('found:    https://github.com/evil/app\\u000akey: evil\\u202e\n');
    expect(text).toMatch(/\n {29}\^+/);
  });

  it('is what the registry error says', () => {
    const failure = new Failure('registry-denied', 'Denied.', 'Log in first.');
    expect(adviceFor(bad('registry-error', 'app', { failure }))).toBe('Log in first.');
  });
});

describe('the summary', () => {
  it('shows what failed first, then a block per image, then what was asked', () => {
    const sha = 'c0ffee'.padEnd(40, '0');
    const github = { repository: 'acme/app', sha };
    const built = good('app', { signatures: [verdictOf('verified', { github })] });
    const markdown = verifySummary([built, web, bad('unsigned', 'api')], setting);
    const seen = plainLines(markdown);
    expect(seen.slice(0, 6)).toEqual([
      '## ❌ 2 of 3 images do not verify',
      '❌ The image is signed by another identity. wrong-identity',
      'ghcr.io/acme/web:1.2.0',
      web.digest?.slice(0, 19),
      'It is wrong-identity.',
      expect.stringMatching(/^👉 /),
    ]);
    const at = seen.indexOf('✅ ghcr.io/acme/app:1.2.0');
    expect(seen.slice(at, at + 4)).toEqual([
      '✅ ghcr.io/acme/app:1.2.0',
      'signed by workflow release.yml of acme/app at refs/tags/v1.2.0',
      `${app.digest?.slice(0, 19)} · 2026-09-21 14:13 UTC · log entry 312345678 · commit c0ffee000000`,
      app.image,
    ]);
    expect(seen.slice(at + 4, at + 8)).toEqual([
      'Asked for',
      `Identity ${workflowSigner.identity}`,
      `Issuer ${workflowSigner.issuer}`,
      'Transparency log: an entry is required',
    ]);
    for (const page of [
      'https://search.sigstore.dev/?logIndex=312345678',
      `https://github.com/acme/app/commit/${sha}`,
      'https://github.com/orgs/acme/packages/container/package/app',
      'https://github.com/acme/sign-image/blob/v1/docs/troubleshooting.md#wrong-identity',
    ])
      expect(markdown).toContain(`<a href="${page}">`);
    expect(markdown).not.toContain('<table');
  });

  it('writes out no line break of its own, whatever the advice', () => {
    const rule = setting.policy?.signers[0];
    const expected = { signers: rule === undefined ? [] : [rule], fromInputs: true };
    const identity = workflowSigner.identity.replace('v1.2.0', 'v1.3.0');
    const unfenced = new Failure('network', 'It is down.\nTwice.', 'One.\n\n- two\n- three');
    const scenes = [
      ...verdictCodes.filter((code) => code !== 'verified').map((code) => bad(code)),
      bad('wrong-identity', 'near', {
        signatures: [verdictOf('wrong-identity', { identity, expected } as object)],
      }),
      bad('registry-error', 'down', { failure: unfenced, reason: unfenced.message }),
    ];
    const texts = scenes.flatMap((scene) => [
      verifySummary([scene], setting),
      commentBody([scene], '<!-- marker -->', setting),
      JSON.stringify(sarifLog([scene], {})).replaceAll('\\n', ''),
      verifyFailureSummary(unfenced, setting),
    ]);
    for (const text of texts) expect(text).not.toMatch(/\\u0/);
    expect(texts.join()).toContain('One.<br><br>- two<br>- three');
    expect(texts.join()).toContain(
      'difference <b><code>v1.2.0</code></b> / <b><code>v1.3.0</code></b>',
    );
  });

  it('says once who signed, where all are signed by one', () => {
    const verdict = 'Signed by release.yml of acme/app at tag v1.2.0, verified, 0.4 s';
    const byMail = verdictOf('verified', { identity: 'release@acme.example' });
    const one = plainLines(verifySummary([app, good('web')], { ...setting, verdict }));
    expect([one[1], one.filter((line) => line.startsWith('signed by'))]).toEqual([
      `${verdict}.`,
      [],
    ]);
    const two = [app, good('web', { signatures: [byMail] })];
    expect(plainLines(verifySummary(two, { ...setting, verdict }))).toContain(
      'signed by release@acme.example',
    );
  });

  it.each<[string, readonly VerifyResult[], boolean, string]>([
    ['one good image', [app], true, '## ✅ 1 image verified'],
    [
      'an index',
      [app, inside(app, good('p'))],
      true,
      '## ✅ 1 image (and 1 manifest inside) verified',
    ],
    ['one of two bad', [app, web], true, '## ❌ 1 of 2 images does not verify'],
    ['both bad', [bad('unsigned'), web], true, '## ❌ 2 of 2 images do not verify'],
    [
      'a bad platform',
      [app, inside(app, bad('unsigned', 'p'))],
      true,
      '## ❌ 1 of 1 image does not verify',
    ],
    ['only reported', [web], false, '## ⚠️ 1 of 1 image does not verify'],
    ['nothing', [], true, '## ❌ 0 of 0 images do not verify'],
  ])('says at a glance: %s', (_, results, fail, heading) => {
    expect(verifySummary(results, { ...setting, fail }).split('\n')[0]).toBe(heading);
  });

  it('asks for keys, claims, annotations and files in their own words', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
    const keyed = {
      signers: [{ key }] as const,
      annotations: { env: 'prod' },
      tlog: 'ignore' as const,
    };
    expect(plainLines(verifySummary([app], { ...setting, policy: keyed })).slice(-4)).toEqual([
      'Asked for',
      `Key ${keyId(key)}`,
      'Annotation env=prod',
      'Transparency log: not looked at',
    ]);
    const files = { policyFiles: ['policies/*.yaml'], fail: true, env: {} };
    expect(plainLines(verifySummary([app], files)).slice(-2)).toEqual([
      'Asked for',
      'Policy policies/*.yaml',
    ]);
  });

  it('opens the platforms of an index where one failed, and folds them where none did', () => {
    const failing = verifySummary([app, inside(app, bad('unsigned', 'p'))], setting);
    expect(failing).toContain(
      '<details open>\n<summary>1 manifest inside <code>ghcr.io/acme/app:1.2.0</code></summary>',
    );
    expect(plainLines(failing)).toEqual(
      expect.arrayContaining([
        '❌ ghcr.io/acme/app:1.2.0',
        'not everything inside verifies',
        '❌ linux/amd64 unsigned',
        good('p').digest,
      ]),
    );
    expect(verifySummary([app, inside(app, good('p'))], setting)).toContain(
      '<details>\n<summary>1 manifest inside',
    );
  });

  it('shows a marked difference in lines that wrap, with what differs below', () => {
    const block = (expected: string, found: string) =>
      fixHtml(`See:\n\`\`\`text\n${markedDifference(expected, found)}\n\`\`\`\nDo not.`);
    expect(block('a@refs/heads/master', 'a@refs/heads/main')).toBe(
      'See:<br>expected <code>a@refs/heads/master</code><br>found <code>a@refs/heads/main</code><br>difference <b><code>master</code></b> / <b><code>main</code></b><br>Do not.',
    );
    expect(block('ab', 'axb')).toContain(
      'difference <b><code>ab</code></b> / <b><code>axb</code></b>',
    );
    expect(block('https://x/', 'https://x')).toContain(
      'difference <b><code>x/</code></b> / <b><code>x</code></b>',
    );
    expect(block('a<b>', 'a<i>\n::x')).toContain(
      'difference <b><code>a&lt;b&gt;</code></b> / <b><code>a&lt;i&gt;\\u000a::x</code></b>',
    );
  });

  it('tells of signatures that do not count, without alarm where they do no harm', () => {
    const stray = verdictOf('wrong-predicate');
    const harmless = verifySummary(
      [good('app', { signatures: [verdictOf('verified'), stray] })],
      setting,
    );
    expect(harmless).toContain(
      '<summary>1 signature of <code>ghcr.io/acme/app:1.2.0</code> beside the one that counts: no harm, for your information</summary>',
    );
    expect(plainLines(harmless).at(-1)).toBe(
      `wrong-predicate It is wrong-predicate. bundle ${stray.digest}`,
    );
    expect(harmless).not.toMatch(/❌|⚠️/);
    expect(verifySummary([bad('wrong-predicate')], setting)).toContain(
      'that does not count</summary>',
    );
  });

  it('shows one block for a failure that many images share', () => {
    const many = Array.from({ length: 30 }, (_, index) => bad('registry-error', `app-${index}`));
    const markdown = verifySummary(many, setting);
    expect(markdown.match(/<blockquote>/g)).toHaveLength(1);
    expect(markdown).toContain('and 20 more');
  });

  it('lets nothing of a certificate or a registry become HTML or Markdown', () => {
    const evil = '</code></td></table>\n\n# <script>alert(1)</script> [x](javascript:0)';
    const signatures = [
      verdictOf('wrong-identity', { identity: evil, issuer: evil, reason: evil }),
    ];
    const markdown = verifySummary(
      [
        bad('wrong-identity', 'app', {
          signatures,
          reason: evil,
          references: [evil],
          platform: evil,
        }),
      ],
      setting,
    );
    expect(markdown).not.toContain('<script>');
    expect(markdown).not.toMatch(/^# /m);
  });

  it('stays below what GitHub takes', () => {
    const flood = Array.from({ length: 3_000 }, (_, index) =>
      bad('wrong-identity', `app-${index}`, { reason: `${index}`.padStart(400, 'x') }),
    );
    const markdown = verifySummary(flood, setting);
    expect(Buffer.byteLength(markdown)).toBeLessThan(1_048_576);
    expect(markdown).toContain('## ❌ 3000 of 3000 images do not verify');
  });

  it('of a step that could not start is the error and its way out', () => {
    expect(
      verifyFailureSummary(new Failure('bad-input', 'Nothing says who.', 'Add `key`.'), {
        env: {},
      }),
    ).toBe(
      '## ❌ Nothing was verified\n\n<blockquote>❌ <b>Nothing says who.</b> <code>bad-input</code><br>👉 Add <code>key</code>.</blockquote>',
    );
  });
});

import { describe, expect, it } from 'vitest';
import {
  failureSummary,
  type SummarySetting,
  signSummary,
} from '../../src/edges/report/sign-summary.ts';
import type { SignResult } from '../../src/engine/sign-result.ts';
import { plainLines } from './plain.ts';
import { errorWith, failed, keyed, keyless, publicKey } from './results.ts';

const env = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_REPOSITORY_OWNER: 'acme',
  GITHUB_SHA: 'c0ffee'.padEnd(40, '0'),
  GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
  GITHUB_ACTION_REF: 'v1',
};
const setting: SummarySetting = {
  tlog: true,
  privateSigstore: false,
  readBack: true,
  env,
  ownerType: 'User',
};
const app = keyless('app');
const inside = (name: string, change: Partial<SignResult> = {}) =>
  keyless(name, { platform: name, partOf: app.image, references: [], ...change });

/** The blocks of Markdown, cut where Markdown cuts: at lines of nothing but white space. */
function blocks(markdown: string): readonly string[] {
  return markdown.split(/\n(?:\s*\n)+/).filter((block) => block !== '');
}

/**
 * Opening and closing tags of one block, in order; what is left open, or closed without being open.
 */
function unbalanced(block: string): readonly string[] {
  const open: string[] = [];
  for (const [, slash, name = ''] of block.matchAll(/<(\/?)([a-z]+)[^>]*>/g)) {
    if (name === 'br' || name === 'wbr') continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}

/** The lines of the blocks of images. */
function rows(markdown: string): readonly string[] {
  const found = blocks(markdown).filter((block) => /^<p>(✅|✍️|❌)/u.test(block));
  return found.map((block) => plainLines(block).join(' | '));
}

describe('the summary', () => {
  it('has one block per image, with short digests, and the whole ones to copy', () => {
    const two = { ...app, references: ['ghcr.io/acme/app:1.2.0', 'ghcr.io/acme/app:latest'] };
    const web = keyed('web', { status: 'already-signed' });
    const text = signSummary([two, web, failed('api')], setting);
    const short = ({ digest }: SignResult) => digest?.slice(0, 19);
    expect(rows(text)).toEqual([
      `✅ ghcr.io/acme/app:1.2.0 | ghcr.io/acme/app:latest | ${short(app)} · signed, verified · bundle and legacy · log entries 312345678, 312345679`,
      `✅ ghcr.io/acme/web:1.2.0 | ${short(web)} · already signed, verified · bundle`,
      `❌ ghcr.io/acme/api:1.2.0 | ${short(failed('api'))} · failed`,
    ]);
    expect(text).toContain(
      `<summary>Full digests, to copy</summary>\n<pre>${app.image}\n${web.image}\n${failed('api').image}</pre>`,
    );
    expect(text).not.toContain('<table');
  });

  it('begins with the verdict, and links to commit and package', () => {
    const verdict = 'Signed by release.yml of acme/app at tag v1.2.0, read back and verified, 3 s';
    const text = signSummary([app], { ...setting, verdict });
    expect(blocks(text)[1]).toBe(`<p>${verdict}.</p>`);
    expect(text).toContain(
      `<a href="https://github.com/acme/app/commit/${env.GITHUB_SHA}"><code>c0ffee000000</code></a>`,
    );
    const page = 'https://github.com/users/acme/packages/container/package/app';
    expect(text).toContain(`<a href="${page}"><code>ghcr.io/acme/app:1.2.0</code></a>`);
    expect(signSummary([app], { ...setting, env: {} })).not.toMatch(/href="https:\/\/github/);
  });

  const unread = (result: SignResult): SignResult => {
    const { verified: _, ...rest } = result;
    return rest;
  };
  it.each([
    ['one image', [app], setting, '## ✅ 1 image signed and verified'],
    ['two images', [app, keyless('web')], setting, '## ✅ 2 images signed and verified'],
    [
      'an index',
      [app, inside('linux/amd64')],
      setting,
      '## ✅ 1 image (and 1 manifest inside) signed and verified',
    ],
    [
      'nothing new',
      [keyless('app', { status: 'already-signed' })],
      setting,
      '## ✅ 1 image already signed and verified',
    ],
    ['no read-back', [unread(app)], { ...setting, readBack: false }, '## ✍️ 1 image signed'],
    ['a read-back that is missing', [app, unread(keyless('web'))], setting, '## ✍️ 2 images signed'],
    ['a failure', [app, failed('web')], setting, '## ❌ 1 of 2 images failed'],
    [
      'a signature that does not verify',
      [keyless('app', { verified: false })],
      setting,
      '## ❌ 1 of 1 image failed',
    ],
    [
      'a platform that failed',
      [app, inside('linux/amd64'), failed('x', { partOf: app.image })],
      setting,
      '## ❌ 1 of 3 manifests failed',
    ],
    ['no image', [], setting, '## ✍️ 0 images already signed'],
  ])('says what happened: %s', (_, results, how, heading) =>
    expect(signSummary(results, how).split('\n')[0]).toBe(heading),
  );

  it('states identity and issuer letter by letter, once', () => {
    const text = signSummary([app, keyless('web')], setting);
    expect(blocks(text)[1]).toBe(
      '<p><code>key</code> is empty, so this step signs keyless.<br>Identity <code>https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0</code><br>Issuer <code>https://token.actions.githubusercontent.com</code><br>Commit <a href="https://github.com/acme/app/commit/c0ffee0000000000000000000000000000000000"><code>c0ffee000000</code></a></p>',
    );
  });

  it('shows what the registry could not find, without a digest', () => {
    const { digest: _, ...lost } = failed('api', {
      image: 'ghcr.io/acme/api:9',
      references: ['ghcr.io/acme/api:9'],
    });
    expect(rows(signSummary([lost], setting))).toEqual(['❌ ghcr.io/acme/api:9 | failed']);
  });

  it('links to the log that has a page, and to no other', () => {
    expect(signSummary([app], setting)).toContain(
      '<a href="https://search.sigstore.dev/?logIndex=312345678">312345678</a>',
    );
    const elsewhere = {
      ...app,
      signatures: app.signatures.map((signature) => ({ ...signature, logId: 'ab'.repeat(32) })),
    };
    expect(signSummary([elsewhere], setting)).not.toContain('search.sigstore.dev');
  });

  it('folds the manifests of an index below it, open when one failed', () => {
    const good = signSummary([app, inside('linux/amd64'), inside('attestation')], setting);
    expect(good).toContain(
      '<details>\n<summary>2 manifests inside <code>ghcr.io/acme/app:1.2.0</code></summary>',
    );
    const bad = signSummary([app, inside('linux/amd64', { verified: false })], setting);
    expect(bad).toContain('<details open>\n<summary>1 manifest inside');
  });

  it('shows an error once, with its images, its fix and the YAML', () => {
    const text = signSummary([failed('web'), failed('api')], setting);
    expect(blocks(text).filter((block) => block.startsWith('<blockquote>'))).toEqual([
      '<blockquote>❌ <b>ghcr.io refuses to store the signature: denied.</b> <a href="https://github.com/acme/sign-image/blob/v1/docs/troubleshooting.md#registry-denied"><code>registry-denied</code></a><br><code>ghcr.io/acme/web:1.2.0</code><br>' +
        '<code>ghcr.io/acme/api:1.2.0</code><br>👉 Give the job the right to write packages:<pre>permissions:\n  packages: write</pre></blockquote>',
    ]);
  });

  it('has the command for each good image, and the public key', () => {
    const text = signSummary([keyed('app'), failed('web')], { ...setting, tlog: false, publicKey });
    expect(text).toContain(
      `<pre>cosign verify \\\n  --key cosign.pub \\\n  --insecure-ignore-tlog=true \\\n  ${keyed('app').image}</pre>`,
    );
    expect(text).toContain(
      `<summary>The public key, <code>cosign.pub</code></summary>\n<pre>${publicKey.trim()}</pre>`,
    );
    expect(text.match(/cosign verify/g)).toHaveLength(1);
  });

  it('offers no command for what does not verify', () => {
    expect(signSummary([keyless('app', { verified: false })], setting)).not.toContain(
      'cosign verify',
    );
  });

  it('stays text, whatever a registry, a tag or a certificate says', () => {
    const evil =
      '</code></pre></table></details><img src=x onerror=alert(1)>\n\n# owned\n\n[x](javascript:alert(1)) | `` ` @acme <!--';
    const result = keyless('app', {
      image: `ghcr.io/acme/app${evil}@${app.digest}`,
      references: [evil],
      platform: evil,
      signer: { identity: evil, issuer: evil },
      annotations: { [evil.replaceAll('=', '')]: 'x' },
      error: errorWith(evil, evil, `${evil}\n\`\`\`yaml\n${evil}\n\`\`\``),
    });
    const text = signSummary(
      [
        result,
        { ...result, partOf: result.image },
        failed('x', { error: errorWith('x', evil, evil) }),
      ],
      {
        ...setting,
        publicKey: evil,
      },
    );
    expect(text).not.toMatch(/<img|<!--/);
    for (const block of blocks(text)) {
      expect(block).toMatch(/^(## |<(p|pre|details|blockquote)[ >])/);
      expect(unbalanced(block)).toEqual([]);
    }
    expect(failureSummary({ code: evil, message: evil, fix: evil }, { env })).not.toMatch(
      /<img|<!--/,
    );
  });

  it('stays below 1 MiB, and says what it left out', () => {
    const images = Array.from({ length: 4000 }, (_, index) => keyless(`app${index}`));
    const text = signSummary(images, setting);
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_001);
    expect(text).toContain('… and 3700 more: see output <code>results</code>.');
    expect(text).toContain('# and so on for 280 more images');
  });

  it('leaves out the manifests of indexes first', () => {
    const many = Array.from({ length: 4000 }, (_, index) => inside(`linux/${index}`));
    const text = signSummary([app, ...many], setting);
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_001);
    expect([text.includes('manifests inside <code>'), rows(text).length]).toEqual([false, 1]);
  });

  it('stays below 1 MiB with long errors and long names too', () => {
    const long = 'x'.repeat(100_000);
    const images = Array.from({ length: 200 }, (_, index) =>
      failed(`app${index}`, { references: [long], error: errorWith('x', `${index}${long}`, long) }),
    );
    expect(Buffer.byteLength(signSummary(images, setting))).toBeLessThan(1_000_001);
  });
});

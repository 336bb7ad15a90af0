import { keyId } from '../signature/key.ts';
import { matcherText } from '../signature/matcher.ts';
import type { Matcher, SignaturePolicy, SignerRule } from '../signature/policy.ts';
import type { Verdict } from '../signature/verdict.ts';
import { escapeHtml, textHtml } from '../text/untrusted.ts';
import { goodSignature, isWhole, type VerifyResult } from '../verifying/result.ts';
import { logPage } from './log-page.ts';
import { signerInWords } from './signer-words.ts';
import { code, count, details, digestHtml, errorBlock, table } from './summary-html.ts';
import { adviceFor } from './verify-advice.ts';
import { timeInWords } from './verify-words.ts';

export interface VerifySummarySetting {
  /** what was asked of every image; absent where policy files decide */
  readonly policy?: SignaturePolicy;
  /** input `policy` */
  readonly policyFiles: readonly string[];
  /** input `fail` */
  readonly fail: boolean;
}

/** GitHub drops a step's summary above 1 MiB. */
const mostBytes = 1_000_000;
const mostErrors = 20;
const mostRejected = 50;

/**
 * The job summary of sign-image/verify as Markdown, below 1 MiB: the answer, what was asked, a row
 * per image with who signed and when, what to do about each failure, platforms and rejected
 * signatures folded. With very many images it leaves out the folded parts, then rows, and says so.
 */
export function verifySummary(
  results: readonly VerifyResult[],
  setting: VerifySummarySetting,
): string {
  const asked = results
    .filter((result) => result.asked)
    .toSorted((one, other) => Number(isWhole(one, results)) - Number(isWhole(other, results)));
  const sizes = [
    { most: asked.length, folded: true },
    { most: asked.length, folded: false },
    { most: 300, folded: false },
    { most: 30, folded: false },
  ];
  for (const { most, folded } of sizes) {
    const rows = asked.slice(0, most);
    const blocks = [
      heading(results, asked, setting),
      wanted(setting),
      table(
        ['', 'Image', 'Signed by', 'When', 'Log index'],
        rows.map((result) => imageRow(result, results)),
      ),
      ...(asked.length > rows.length
        ? [`… and ${asked.length - rows.length} more: see output <code>results</code>.`]
        : []),
      ...failures(results),
      ...(folded ? rows.flatMap((index) => manifests(index, results)) : []),
      ...(folded ? results.flatMap(rejected) : []),
    ];
    const markdown = blocks.join('\n\n');
    if (Buffer.byteLength(markdown) <= mostBytes) return markdown;
  }
  return `${heading(results, asked, setting)}\n\nThe details are too long for a summary: see output <code>results</code>.`;
}

/** The summary of a step that failed before any image was looked at. */
export function verifyFailureSummary(failure: {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}): string {
  return `## ❌ Nothing was verified\n\n${errorBlock(failure)}`;
}

function heading(
  results: readonly VerifyResult[],
  asked: readonly VerifyResult[],
  { fail }: VerifySummarySetting,
): string {
  const bad = asked.filter((result) => !isWhole(result, results)).length;
  const inner = results.length - asked.length;
  const inside = inner > 0 ? ` (and ${count(inner, 'manifest')} inside)` : '';
  if (bad === 0 && asked.length > 0)
    return `## ✅ ${count(asked.length, 'image')}${inside} verified`;
  const verb = bad === 1 ? 'does' : 'do';
  return `## ${fail ? '❌' : '⚠️'} ${bad} of ${count(asked.length, 'image')} ${verb} not verify`;
}

/** What was asked, letter by letter. */
function wanted({ policy, policyFiles }: VerifySummarySetting): string {
  if (policy === undefined)
    return table(['Asked for', ''], [['Policy', policyFiles.map(code).join('<br>')]]);
  const annotations = Object.entries(policy.annotations).map(([name, value]) =>
    code(`${name}=${value}`),
  );
  const rows = [
    ...policy.signers.flatMap(signerRows),
    ...(annotations.length > 0 ? [['Annotations', annotations.join('<br>')]] : []),
    ['Transparency log', policy.tlog === 'required' ? 'an entry is required' : 'not looked at'],
  ];
  return table(['Asked for', ''], rows);
}

function signerRows(rule: SignerRule): readonly (readonly string[])[] {
  if ('key' in rule) return [['Key', code(keyId(rule.key))]];
  const either = (matchers: readonly Matcher[]) =>
    matchers.map((matcher) => code(matcherText(matcher))).join('<br>or ');
  const claims = Object.entries(rule.github ?? {}).map(([name, value]) => [
    textHtml(claimInputs[name] ?? name),
    code(value),
  ]);
  return [['Identity', either(rule.identities)], ['Issuer', either(rule.issuers)], ...claims];
}

const claimInputs: Readonly<Record<string, string>> = {
  repository: 'Repository',
  ref: 'Ref',
  sha: 'Commit',
  event: 'Event',
  workflowRef: 'Started workflow',
  runnerEnvironment: 'Runner',
};

function imageRow(result: VerifyResult, results: readonly VerifyResult[]): readonly string[] {
  const names = [...new Set(result.references.map((name) => name.replace(/@sha256:.*$/s, '')))].map(
    code,
  );
  const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
  const digest = result.digest === undefined ? [] : [digestHtml(result.digest)];
  const inner =
    result.verified && !isWhole(result, results) ? ['❌&nbsp;not&nbsp;all&nbsp;inside'] : [];
  return [inner[0] ?? answer(result), [...shown, ...digest].join('<br>'), ...evidence(result)];
}

function answer({ verified, code: why }: VerifyResult): string {
  return verified ? '✅&nbsp;verified' : `❌&nbsp;${code(why ?? '')}`;
}

/**
 * Signer, time and log index of the good signature; of a failed image the signer that was found
 * instead.
 */
function evidence(result: VerifyResult): readonly string[] {
  const good = goodSignature(result);
  if (good !== undefined) return [signer(good), when(good), logIndex(good)];
  const other = result.signatures.find(
    ({ code: why, identity, keyId: key }) => why === result.code && (identity ?? key) !== undefined,
  );
  if (result.verified) return [textHtml(result.reason ?? '–'), '–', '–'];
  return [
    other === undefined ? '–' : `instead: ${signer(other)}`,
    (other && timeInWords(other)) ?? '–',
    other === undefined ? '–' : logIndex(other),
  ];
}

/** A time that breaks between day and hour at most. */
function when(verdict: Verdict): string {
  return (timeInWords(verdict) ?? '–').replaceAll('-', '&#8209;').replace(' UTC', '&nbsp;UTC');
}

function signer(verdict: Verdict): string {
  return textHtml(signerInWords(verdict), 500) || '–';
}

function logIndex(verdict: Verdict): string {
  const page = logPage(verdict);
  if (verdict.tlogIndex === undefined) return '–';
  return page === undefined
    ? String(verdict.tlogIndex)
    : `<a href="${escapeHtml(page)}">${verdict.tlogIndex}</a>`;
}

/** One block for each different failure, with the images that share it. */
function failures(results: readonly VerifyResult[]): readonly string[] {
  const bad = results.filter(({ verified }) => !verified);
  const groups = [
    ...Map.groupBy(
      bad,
      (result) => `${result.code}\n${result.reason}\n${adviceFor(result)}`,
    ).values(),
  ];
  const blocks = groups.slice(0, mostErrors).flatMap((group) => {
    const [first] = group;
    const names = group.slice(0, 10).map((result) => {
      const { asked, platform, image, sources = [] } = result;
      const name = [
        code(shortName(result)),
        ...sources.slice(0, 5).map(({ file, line }) => code(`${file}:${line}`)),
      ].join(' ');
      return asked ? name : `${name} ${textHtml(platform ?? image.slice(image.indexOf('@') + 1))}`;
    });
    const rest = group.length > 10 ? [`and ${group.length - 10} more`] : [];
    if (first === undefined) return [];
    return [
      errorBlock({ code: first.code ?? '', message: first.reason ?? '', fix: adviceFor(first) }, [
        ...names,
        ...rest,
      ]),
    ];
  });
  return groups.length > mostErrors
    ? [
        ...blocks,
        `… and ${groups.length - mostErrors} more failures: see output <code>results</code>.`,
      ]
    : blocks;
}

/** The manifests inside one index, folded unless one of them failed. */
function manifests(index: VerifyResult, results: readonly VerifyResult[]): readonly string[] {
  const inner = results.filter(({ partOf }) => partOf.includes(index.image));
  if (inner.length === 0) return [];
  const rows = inner.map((result) => [
    answer(result),
    textHtml(result.platform ?? '–'),
    result.digest === undefined ? '–' : digestHtml(result.digest),
    ...evidence(result),
  ]);
  const title = `${count(inner.length, 'manifest')} inside ${code(shortName(index))}`;
  const open = inner.some(({ verified }) => !verified);
  return [
    details(title, table(['', 'Platform', 'Digest', 'Signed by', 'When', 'Log index'], rows), open),
  ];
}

/**
 * Signatures that do not count, folded: a foreign one beside a good one is nothing bad, and worth
 * knowing.
 */
function rejected(result: VerifyResult): readonly string[] {
  const { signatures, platform } = result;
  const bad = signatures.filter(({ verified }) => !verified);
  if (bad.length === 0) return [];
  const rows = bad
    .slice(0, mostRejected)
    .map((verdict) => [
      code(verdict.code),
      textHtml(verdict.reason ?? ''),
      `${verdict.format}<br>${digestHtml(verdict.digest)}`,
    ]);
  const more =
    bad.length > mostRejected
      ? `\n… and ${bad.length - mostRejected} more: see output <code>results</code>.`
      : '';
  const name = `${code(shortName(result))} ${textHtml(platform ?? '')}`.trim();
  const title = `${count(bad.length, 'signature')} of ${name} that ${bad.length === 1 ? 'does' : 'do'} not count`;
  return [details(title, `${table(['Code', 'Why', 'Found in'], rows)}${more}`)];
}

/** The first name it was asked for with, without its digest. */
function shortName({ references, image }: VerifyResult): string {
  return (references[0] ?? image).replace(/@sha256:.*$/s, '');
}

import {
  goodSignature,
  isWhole,
  type SignedBy,
  type VerifyResult,
} from '../../engine/verify-result.ts';
import { keyId } from '../../signature/key.ts';
import {
  type Matcher,
  matcherText,
  type SignaturePolicy,
  type SignerRule,
} from '../../signature/policy.ts';
import { claimEntries } from '../claims.ts';
import { failureBlocks, type StepFailure, stepBlock } from './failure-blocks.ts';
import { count } from './lists.ts';
import { commitPage, type PageSetting, packagePage } from './pages.ts';
import { signerInWords } from './signer-words.ts';
import {
  code,
  details,
  facts,
  fullDigests,
  imageSizes,
  leftOut,
  lines,
  link,
  logEntries,
  namesHtml,
  prose,
  shortDigest,
  summaryOf,
} from './summary-html.ts';
import { attestedInWords, hasGoodSignature, timeInWords } from './verify-words.ts';

export interface VerifySummarySetting extends PageSetting {
  /** what was asked of every image; absent where policy files decide */
  readonly policy?: SignaturePolicy;
  /** input `policy` */
  readonly policyFiles: readonly string[];
  /** URIs of predicate types that were asked for */
  readonly attestationTypes?: readonly string[];
  readonly signature?: 'required' | 'ignore';
  /** input `known-signers` */
  readonly knownSigners?: boolean;
  /** input `fail` */
  readonly fail: boolean;
  /** the run in one sentence; absent where something did not verify */
  readonly verdict?: string;
}

const mostErrors = 20;
const mostRejected = 50;

/**
 * The job summary of sign-image/verify as Markdown, below 1 MiB: the answer, what to do about each
 * failure, a block per image with who signed and when, what was asked, manifests and other
 * signatures folded. With very many images it leaves out the folded parts, then images, and says so.
 */
export function verifySummary(
  results: readonly VerifyResult[],
  setting: VerifySummarySetting,
): string {
  const asked = results.filter((result) => result.asked);
  const passed = asked.filter(({ verified }) => verified);
  const signers = new Set(passed.map((result) => signerInWords(goodSignature(result) ?? {})));
  const each = setting.verdict === undefined || signers.size > 1;
  const head = heading(results, asked, setting);
  return summaryOf(head, setting.verdict, imageSizes(asked.length), ({ most, folded }) => {
    const shown = passed.slice(0, most);
    return [
      ...failureBlocks(results, mostErrors, setting),
      ...shown.map((result) => imageBlock(result, results, setting, each)),
      ...leftOut(passed.length - shown.length),
      ...fullDigests(shown),
      expected(setting, passed.length < asked.length),
      ...(folded ? asked.flatMap((index) => manifests(index, results)) : []),
      ...(folded ? results.flatMap(others) : []),
    ];
  });
}

/** The summary of a step that failed before any image was looked at. */
export function verifyFailureSummary(failure: StepFailure, setting: PageSetting): string {
  return `## ❌ Nothing was verified\n\n${stepBlock(failure, setting)}`;
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

/** What was asked, letter by letter; folded below a failure, which says it already. */
function expected(setting: VerifySummarySetting, folded: boolean): string {
  const facts = expectedLines(setting);
  return folded ? details('Asked for', lines(...facts)) : lines('<b>Asked for</b>', ...facts);
}

function expectedLines(setting: VerifySummarySetting): readonly string[] {
  const { policy, policyFiles, knownSigners } = setting;
  const { attestationTypes = [], signature } = setting;
  if (policy === undefined)
    return [
      ...policyFiles.map((file) => `Policy ${code(file)}`),
      ...(knownSigners === true ? ['The signer that is known to publish the image'] : []),
      ...attestationTypes.map((type) => `Attestation ${code(type)}`),
    ];
  const annotations = Object.entries(policy.annotations).map(
    ([name, value]) => `Annotation ${code(`${name}=${value}`)}`,
  );
  const log = policy.tlog === 'required' ? 'an entry is required' : 'not looked at';
  return [
    ...policy.signers.flatMap(signerLines),
    ...annotations,
    ...attestationTypes.map((type) => `Attestation ${code(type)}`),
    ...(signature === 'ignore' ? ['Signatures of the image: not looked at'] : []),
    `Transparency log: ${log}`,
  ];
}

function signerLines(rule: SignerRule): readonly string[] {
  if ('key' in rule) return [`Key ${code(keyId(rule.key))}`];
  const either = (matchers: readonly Matcher[]) =>
    matchers.map((matcher) => code(matcherText(matcher))).join(' or ');
  const claims = claimEntries(rule).map(({ claim, value }) => `${claim.title} ${code(value)}`);
  const issuer =
    rule.noIssuer === 'allowed'
      ? 'Certificate by an authority of your own'
      : `Issuer ${either(rule.issuers)}`;
  return [`Identity ${either(rule.identities)}`, issuer, ...claims];
}

/**
 * An image that passed: its names, who signed it (where the verdict does not say so of all) and
 * when, and where that can be looked up.
 */
function imageBlock(
  result: VerifyResult,
  results: readonly VerifyResult[],
  setting: PageSetting,
  withSigner: boolean,
): string {
  const { image, references, digest, reason = '' } = result;
  const whole = isWhole(result, results);
  const good = goodSignature(result);
  const page = packagePage(image, setting);
  const { repository, sha } = good?.github ?? {};
  const commit = commitPage(repository, sha, setting);
  return lines(
    `${whole ? '✅' : '❌'} ${namesHtml(references, image, page)}`,
    whole ? '' : 'not everything inside verifies',
    good === undefined ? prose(reason) : withSigner ? signerLine(good, result) : '',
    attestationLine(result),
    facts(
      shortDigest(digest),
      good === undefined ? undefined : timeInWords(good),
      logEntries(good === undefined ? [] : [good]),
      commit === undefined ? undefined : `commit ${link(code((sha ?? '').slice(0, 12)), commit)}`,
    ),
  );
}

function signerLine(good: SignedBy, result: VerifyResult): string {
  const did = hasGoodSignature(result) ? 'signed' : 'attested';
  return `${did} by ${prose(signerInWords(good).slice(0, 500))}`;
}

/** What the image is attested with, and of provenance what it says. */
function attestationLine(result: VerifyResult): string {
  const attested = attestedInWords(result);
  if (attested === '') return '';
  const told = (result.attestations ?? []).find(({ provenance }) => provenance !== undefined);
  const { builder, source } = told?.provenance ?? {};
  return facts(
    `attested: ${prose(attested)}`,
    builder === undefined ? undefined : `builder ${code(builder.slice(0, 500))}`,
    source === undefined ? undefined : `source ${code(source.slice(0, 500))}`,
  );
}

/** The manifests inside one index, folded unless one of them failed. */
function manifests(index: VerifyResult, results: readonly VerifyResult[]): readonly string[] {
  const inner = results.filter(({ partOf }) => partOf.includes(index.image));
  if (inner.length === 0) return [];
  const rows = inner.map((result) => {
    const { verified, platform = '–', digest = '–', code: why = '' } = result;
    const good = goodSignature(result);
    const about = verified
      ? facts(good && prose(signerInWords(good).slice(0, 500)), good && timeInWords(good))
      : code(why);
    return `${verified ? '✅' : '❌'} ${code(platform)} ${about}<br>${code(digest)}`;
  });
  const title = `${count(inner.length, 'manifest')} inside ${code(shortName(index))}`;
  const open = inner.some(({ verified }) => !verified);
  return [details(title, lines(...rows), open)];
}

/**
 * Signatures that do not count, folded. Beside a good one they change nothing, and anybody who can
 * push may put one there: they are told without alarm.
 */
function others(result: VerifyResult): readonly string[] {
  return [
    ...rejectedOf('signature', result.signatures, result),
    ...rejectedOf('attestation', result.attestations ?? [], result),
  ];
}

function rejectedOf(
  kind: string,
  all: readonly SignedBy[],
  result: VerifyResult,
): readonly string[] {
  const { platform, verified } = result;
  const rejected = all.filter((one) => !one.verified);
  if (rejected.length === 0) return [];
  const rows = rejected
    .slice(0, mostRejected)
    .map((verdict) =>
      [code(verdict.code), prose(verdict.reason ?? ''), verdict.format, code(verdict.digest)].join(
        ' ',
      ),
    );
  const left = rejected.length - mostRejected;
  const more = left > 0 ? [`… and ${left} more: see output <code>results</code>.`] : [];
  const name = [code(shortName(result)), platform === undefined ? '' : code(platform)];
  const what = `${count(rejected.length, kind)} of ${name.join(' ').trim()}`;
  const title = verified
    ? `${what} beside the one that counts: no harm, for your information`
    : `${what} that ${rejected.length === 1 ? 'does' : 'do'} not count`;
  return [details(title, lines(...rows, ...more))];
}

/** The first name it was asked for with, without its digest. */
function shortName({ references, image }: VerifyResult): string {
  return (references[0] ?? image).replace(/@sha256:.*$/s, '');
}

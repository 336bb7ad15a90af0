import type { Thing } from '../../engine/formats.ts';
import type { SignReport } from '../../engine/sign.ts';
import type { SignatureResult, SignResult } from '../../engine/sign-result.ts';
import { formatRepository } from '../../image/reference.ts';
import { type StepFailure, stepBlock } from './failure-blocks.ts';
import { type GateSetting, gateStep } from './gate-step.ts';
import { count } from './lists.ts';
import { commitPage, type PageSetting, packagePage } from './pages.ts';
import { lacksLog, statusInWords, timestampOnly } from './sign-lines.ts';
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
  pre,
  prose,
  shortDigest,
  summaryOf,
} from './summary-html.ts';
import { isBadSigning } from './verdict-line.ts';
import { commandText, type VerifySetting, verifyCommand } from './verify-command.ts';

export interface SummarySetting extends VerifySetting, GateSetting, PageSetting {
  /** what was written; default: signatures */
  readonly thing?: Thing;
  /** input `verify` */
  readonly readBack: boolean;
  /** the run in one sentence; absent where something failed */
  readonly verdict?: string;
  /** services that were used in place of others, which were down */
  readonly standIns?: SignReport['standIns'];
  /** why signatures have a timestamp in place of a log entry */
  readonly logOutage?: string | undefined;
  /** file name → text of the policies that go with what was signed */
  readonly policies?: Readonly<Record<string, string>>;
}

const mostCommands = 20;
const mostErrors = 20;

/**
 * The job summary of sign-image as Markdown, below 1 MiB: a heading, the verdict, who signed, errors
 * with their fix, a block per image, the manifests of an index folded, and what lets exactly this
 * through. With very many images it leaves out manifests, then images, and says how many.
 */
export function signSummary(results: readonly SignResult[], setting: SummarySetting): string {
  const asked = results.filter(({ partOf }) => partOf === undefined);
  const inner = Map.groupBy(
    results.filter(({ partOf }) => partOf !== undefined),
    ({ partOf }) => partOf,
  );
  const head = heading(results, asked, setting);
  return summaryOf(head, setting.verdict, imageSizes(asked.length), ({ most, folded }) => {
    const shown = asked.slice(0, most);
    return [
      ...signers(results, setting),
      ...standInBlock(setting),
      ...outageBlock(results, setting),
      ...attestedBlock(results),
      ...errors(results, setting),
      ...shown.flatMap((result) => [
        imageBlock(result, setting),
        ...(folded ? manifestsOf(result, inner.get(result.image) ?? []) : []),
      ]),
      ...leftOut(asked.length - shown.length),
      ...fullDigests(shown),
      ...gate(shown, setting),
      ...publicKeyBlock(setting),
      ...policyBlocks(setting),
    ];
  });
}

/** The summary of a step that failed before any image was looked at. */
export function failureSummary(
  failure: StepFailure,
  setting: PageSetting & Pick<SummarySetting, 'thing'>,
): string {
  return `## ❌ Nothing was ${verbs[setting.thing ?? 'signature']}\n\n${stepBlock(failure, setting)}`;
}

const verbs = { signature: 'signed', attestation: 'attested' } as const;

/** What was attested: one document of all images. */
function attestedBlock(results: readonly SignResult[]): readonly string[] {
  const attested = results.find((result) => result.attested !== undefined)?.attested;
  if (attested === undefined) return [];
  const { predicateType, predicateDigest } = attested;
  return [lines(`Attested ${code(predicateType)}`, `Predicate ${code(predicateDigest)}`)];
}

function heading(
  results: readonly SignResult[],
  asked: readonly SignResult[],
  { readBack, thing = 'signature' }: SummarySetting,
): string {
  const bad = results.filter(isBadSigning).length;
  const inner = results.length - asked.length;
  if (bad > 0)
    return `## ❌ ${bad} of ${count(results.length, inner > 0 ? 'manifest' : 'image')} failed`;
  const written = results.some(({ status }) => status === 'signed')
    ? verbs[thing]
    : `already ${verbs[thing]}`;
  const inside = inner > 0 ? ` (and ${count(inner, 'manifest')} inside)` : '';
  const verified =
    readBack && results.length > 0 && results.every((result) => result.verified === true);
  const unlogged = results.some(lacksLog);
  const sign = unlogged ? '⚠️' : verified ? '✅' : '✍️';
  const words = `${written}${verified ? ' and verified' : ''}${unlogged ? ', not in the log' : ''}`;
  return `## ${sign} ${count(asked.length, 'image')}${inside} ${words}`;
}

/**
 * Who signed, letter by letter as a verifier must state it: one block for each different signer
 * (one, as a rule); and the commit that this run is of.
 */
function signers(results: readonly SignResult[], setting: SummarySetting): readonly string[] {
  const who = results.map(({ signer: { identity, issuer, keyId } }) => {
    if (identity !== undefined && issuer === undefined)
      return `Key with a certificate of an authority of your own.<br>Identity ${code(identity)}`;
    if (identity !== undefined)
      return `${code('key')} is empty, so this step signs keyless.<br>Identity ${code(identity)}<br>Issuer ${code(issuer ?? '')}`;
    return keyId === undefined ? '' : `Key ${code(keyId)}`;
  });
  const different = [...new Set(who)].filter((line) => line !== '').slice(0, 5);
  if (different.length === 0) return [];
  const { GITHUB_REPOSITORY: repository, GITHUB_SHA: sha } = setting.env;
  const page = commitPage(repository, sha, setting);
  const commit = page === undefined ? '' : `Commit ${link(code((sha ?? '').slice(0, 12)), page)}`;
  const { signatureRepository: place, thing = 'signature' } = setting;
  const where =
    place === undefined
      ? ''
      : `${thing === 'signature' ? 'Signatures' : 'Attestations'} in ${code(formatRepository(place))}`;
  return [lines(...different, where, commit)];
}

/** Which services did the work of others. */
function standInBlock({ standIns = [] }: SummarySetting): readonly string[] {
  const rows = standIns.map(({ name, url, inPlaceOf }) => {
    const others = inPlaceOf.map((one) => code(one.url.origin)).join(' and ');
    const verb = inPlaceOf.length === 1 ? 'was' : 'were';
    return `⚠️ ${prose(capitalized(name))} ${code(url.origin)} was used in place of ${others}, which ${verb} down.`;
  });
  return rows.length === 0 ? [] : [lines(...rows)];
}

/** What has no log entry, and what verifiers make of it. */
function outageBlock(
  results: readonly SignResult[],
  { logOutage }: SummarySetting,
): readonly string[] {
  const text = timestampOnly(results, logOutage);
  return text === undefined ? [] : [lines(`⚠️ ${prose(text)}`)];
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function imageBlock(result: SignResult, setting: PageSetting): string {
  const { image, references, digest, signatures } = result;
  const page = packagePage(image, setting);
  return lines(
    `${icon(result)} ${namesHtml(references, image, page)}`,
    facts(shortDigest(digest), outcome(result), formats(signatures), logEntries(signatures)),
  );
}

/** The manifests inside one image index, folded unless one of them failed. */
function manifestsOf(index: SignResult, inner: readonly SignResult[]): readonly string[] {
  if (inner.length === 0) return [];
  const rows = inner.map((result) => {
    const { platform = '–', digest = '–', signatures } = result;
    const about = [outcome(result), formats(signatures), logEntries(signatures)];
    return `${icon(result)} ${code(platform)} ${facts(...about)}<br>${code(digest)}`;
  });
  const title = `${count(inner.length, 'manifest')} inside ${code(index.references[0] ?? index.image)}`;
  return [details(title, lines(...rows), inner.some(isBadSigning))];
}

function icon(result: SignResult): string {
  if (isBadSigning(result)) return '❌';
  if (lacksLog(result)) return '⚠️';
  return result.verified === true ? '✅' : '✍️';
}

function outcome(result: SignResult): string {
  const { status, verified } = result;
  if (status === 'failed') return 'failed';
  if (verified === false) return 'not verified';
  const written = `${statusInWords(result)}${lacksLog(result) ? ', not in the log' : ''}`;
  return verified === true ? `${written}, verified` : written;
}

function formats(signatures: readonly SignatureResult[]): string {
  return [...new Set(signatures.map(({ format }) => format))].join(' and ');
}

/**
 * One block for each different error, with the images that share it: a registry that is down fails
 * all of them alike.
 */
function errors(results: readonly SignResult[], setting: PageSetting): readonly string[] {
  const failed = results.filter(({ error }) => error !== undefined);
  const groups = Map.groupBy(
    failed,
    ({ error }) => `${error?.code}\n${error?.message}\n${error?.fix}`,
  );
  return [...groups.values()].slice(0, mostErrors).flatMap((group) => {
    const names = group
      .slice(0, 10)
      .map(({ image, references, platform }) =>
        [code(references[0] ?? image), platform === undefined ? '' : code(platform)]
          .join(' ')
          .trim(),
      );
    const rest = group.length > 10 ? [`and ${group.length - 10} more`] : [];
    const error = group[0]?.error;
    return error === undefined ? [] : [stepBlock(error, setting, [...names, ...rest])];
  });
}

/** What lets exactly this through: the step of a workflow, beside the command of cosign. */
function gate(rows: readonly SignResult[], setting: SummarySetting): readonly string[] {
  const good = rows.filter((result) => !isBadSigning(result) && result.signatures.length > 0);
  const step = gateStep(good, setting);
  const found = good.flatMap((result) => verifyCommand(result, setting) ?? []);
  if (found.length === 0) return [];
  const texts = found
    .slice(0, mostCommands)
    .map((command) =>
      [commandText(command), ...command.notes.map((note) => `# ${note}`)].join('\n'),
    );
  const more =
    found.length > mostCommands
      ? [`# and so on for ${count(found.length - mostCommands, 'more image')}`]
      : [];
  const trust = setting.privateSigstore
    ? '\n<sub><code>trusted_root.json</code> is the trusted root of your Sigstore instance.</sub>'
    : '';
  const parts = [
    ...(step === undefined ? [] : [`${lines('In a job that uses the image')}\n${pre(step)}`]),
    `${lines('With cosign')}\n${pre([...texts, ...more].join('\n\n'))}`,
  ];
  return [details('Let only this through: a step, or a command', `${parts.join('\n')}${trust}`)];
}

function publicKeyBlock({ publicKey }: SummarySetting): readonly string[] {
  return publicKey === undefined
    ? []
    : [details('The public key, <code>cosign.pub</code>', pre(publicKey.trim()))];
}

/** The policies a cluster takes as they are; the folder of output `policies` has the others. */
function policyBlocks({ policies = {} }: SummarySetting): readonly string[] {
  const shown = [
    'kyverno-cluster-policy.yaml',
    'cluster-image-policy.yaml',
    'containers-policy.json',
  ];
  const blocks = shown.flatMap((name) =>
    policies[name] === undefined ? [] : [details(code(name), pre(policies[name].trim()))],
  );
  return blocks.length === 0
    ? []
    : [
        details(
          'Admit only this signer: policies for a cluster, podman and skopeo',
          blocks.join('\n'),
        ),
      ];
}

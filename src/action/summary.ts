import type { SignatureResult, SignResult } from '../signing/result.ts';
import { escapeHtml, textHtml } from '../text/untrusted.ts';
import { logPage } from './log-page.ts';
import { signerInWords } from './signer-words.ts';
import { code, count, details, digestHtml, errorBlock, pre, table } from './summary-html.ts';
import { commandText, type VerifySetting, verifyCommand } from './verify-command.ts';

export interface SummarySetting extends VerifySetting {
  /** PEM of the public key to verify with (keyed) */
  readonly publicKey?: string;
  /** input `verify` */
  readonly readBack: boolean;
  /** file name → text of the policies that go with what was signed */
  readonly policies?: Readonly<Record<string, string>>;
}

/** GitHub drops a step's summary above 1 MiB. */
const mostBytes = 1_000_000;
const mostCommands = 20;
const mostErrors = 20;

/**
 * The job summary of sign-image as Markdown, below 1 MiB: a heading, who signed, a row per image,
 * the manifests of an index folded, errors with their fix, and the commands to repeat the check.
 * With very many images it leaves out manifests, then rows, and says how many.
 */
export function signSummary(results: readonly SignResult[], setting: SummarySetting): string {
  const asked = results.filter(({ partOf }) => partOf === undefined);
  const inner = Map.groupBy(
    results.filter(({ partOf }) => partOf !== undefined),
    ({ partOf }) => partOf,
  );
  const sizes = [
    { most: asked.length, manifests: true },
    { most: asked.length, manifests: false },
    { most: 300, manifests: false },
    { most: 30, manifests: false },
  ];
  for (const { most, manifests } of sizes) {
    const rows = asked.slice(0, most);
    const blocks = [
      heading(results, asked, setting),
      ...signers(results),
      table(['Result', 'Image', 'Formats', 'Signer', 'Log index'], rows.map(imageRow)),
      ...(asked.length > rows.length
        ? [`… and ${asked.length - rows.length} more: see output <code>results</code>.`]
        : []),
      ...(manifests
        ? rows.flatMap((index) => manifestTable(index, inner.get(index.image) ?? []))
        : []),
      ...errors(results),
      ...commands(rows, setting),
      ...publicKeyBlock(setting),
      ...policyBlocks(setting),
    ];
    const markdown = blocks.join('\n\n');
    if (Buffer.byteLength(markdown) <= mostBytes) return markdown;
  }
  return `${heading(results, asked, setting)}\n\nThe details are too long for a summary: see output <code>results</code>.`;
}

/** The summary of a step that failed before any image was looked at. */
export function failureSummary(failure: {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}): string {
  return `## ❌ Nothing was signed\n\n${errorBlock(failure)}`;
}

function heading(
  results: readonly SignResult[],
  asked: readonly SignResult[],
  { readBack }: SummarySetting,
): string {
  const bad = results.filter(isBad).length;
  const inner = results.length - asked.length;
  if (bad > 0)
    return `## ❌ ${bad} of ${count(results.length, inner > 0 ? 'manifest' : 'image')} failed`;
  const written = results.some(({ status }) => status === 'signed') ? 'signed' : 'already signed';
  const inside = inner > 0 ? ` (and ${count(inner, 'manifest')} inside)` : '';
  const verified =
    readBack && results.length > 0 && results.every((result) => result.verified === true);
  return `## ${verified ? '✅' : '✍️'} ${count(asked.length, 'image')}${inside} ${written}${verified ? ' and verified' : ''}`;
}

/**
 * Who signed, letter by letter as a verifier must state it: one line for each different signer
 * (one, as a rule).
 */
function signers(results: readonly SignResult[]): readonly string[] {
  const lines = results.map(({ signer: { identity, issuer, keyId } }) => {
    if (identity !== undefined)
      return `${code('key')} is empty, so this step signs keyless.<br>Identity ${code(identity)}${issuer === undefined ? '' : `<br>Issuer ${code(issuer)}`}`;
    return keyId === undefined ? '' : `Key ${code(keyId)}`;
  });
  const different = [...new Set(lines)].filter((line) => line !== '').slice(0, 5);
  return different.length > 0 ? [`<p>${different.join('<br>')}</p>`] : [];
}

function imageRow(result: SignResult): readonly string[] {
  const { image, references, digest, signatures, signer } = result;
  const names = (references.length > 0 ? references : [image]).map((name) =>
    code(name.replace(/@sha256:.*$/s, '')),
  );
  const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
  const named = [...shown, ...(digest === undefined ? [] : [digestHtml(digest)])].join('<br>');
  return [
    outcome(result),
    named,
    formats(signatures),
    textHtml(signerInWords(signer)) || '–',
    logIndexes(signatures),
  ];
}

/** The manifests inside one image index, folded unless one of them failed. */
function manifestTable(index: SignResult, inner: readonly SignResult[]): readonly string[] {
  if (inner.length === 0) return [];
  const rows = inner.map((result) => {
    const { platform = '–', digest, signatures } = result;
    return [
      outcome(result),
      textHtml(platform),
      digest === undefined ? '–' : digestHtml(digest),
      formats(signatures),
      logIndexes(signatures),
    ];
  });
  const title = `${count(inner.length, 'manifest')} inside ${code(index.references[0] ?? index.image)}`;
  return [
    details(
      title,
      table(['Result', 'Platform', 'Digest', 'Formats', 'Log index'], rows),
      inner.some(isBad),
    ),
  ];
}

function outcome({ status, verified }: SignResult): string {
  if (status === 'failed') return '❌&nbsp;failed';
  if (verified === false) return '❌&nbsp;not&nbsp;verified';
  const written = status === 'signed' ? 'signed' : 'already&nbsp;signed';
  return verified === true ? `✅&nbsp;${written},<br>verified` : `✍️&nbsp;${written}`;
}

function formats(signatures: readonly SignatureResult[]): string {
  return signatures.map(({ format }) => format).join('<br>') || '–';
}

function logIndexes(signatures: readonly SignatureResult[]): string {
  const entries = signatures.filter(({ tlogIndex }) => tlogIndex !== undefined);
  const cells = entries.map((entry) => {
    const page = logPage(entry);
    return page === undefined
      ? String(entry.tlogIndex)
      : `<a href="${escapeHtml(page)}">${entry.tlogIndex}</a>`;
  });
  return cells.join('<br>') || '–';
}

/**
 * One block for each different error, with the images that share it: a registry that is down fails
 * all of them alike.
 */
function errors(results: readonly SignResult[]): readonly string[] {
  const failed = results.filter(({ error }) => error !== undefined);
  const groups = Map.groupBy(
    failed,
    ({ error }) => `${error?.code}\n${error?.message}\n${error?.fix}`,
  );
  return [...groups.values()].slice(0, mostErrors).flatMap((group) => {
    const names = group
      .slice(0, 10)
      .map(({ image, references, platform }) =>
        `${code(references[0] ?? image)} ${textHtml(platform ?? '')}`.trim(),
      );
    const rest = group.length > 10 ? [`and ${group.length - 10} more`] : [];
    return group[0]?.error === undefined ? [] : [errorBlock(group[0].error, [...names, ...rest])];
  });
}

function commands(rows: readonly SignResult[], setting: SummarySetting): readonly string[] {
  const found = rows.flatMap((result) =>
    isBad(result) ? [] : (verifyCommand(result, setting) ?? []),
  );
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
    ? '\n<sub><code>trusted_root.json</code> is the trusted root of your Sigstore instance, for cosign 3.</sub>'
    : '';
  return [details('Verify it yourself', `${pre([...texts, ...more].join('\n\n'))}${trust}`)];
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

function isBad({ status, verified }: SignResult): boolean {
  return status === 'failed' || verified === false;
}

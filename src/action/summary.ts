import type { SignatureResult, SignResult } from '../signing/result.ts';
import { logPage } from './log-page.ts';
import { signerInWords } from './signer-words.ts';
import { escapeHtml, escapeHtmlLines } from './untrusted-text.ts';
import { commandText, type VerifySetting, verifyCommand } from './verify-command.ts';

// The summary is HTML inside Markdown: inside an HTML block nothing is Markdown, so escaping is HTML's five characters and nothing else.
// A block ends at an empty line, and `escapeHtmlLines` leaves none.

export interface SummarySetting extends VerifySetting {
  /** PEM of the public key to verify with (keyed) */
  readonly publicKey?: string;
  /** input `verify` */
  readonly readBack: boolean;
}

/** GitHub drops a step's summary above 1 MiB. */
const mostBytes = 1_000_000;
const mostCommands = 20;

/**
 * The job summary of sign-image as Markdown, below 1 MiB: a heading, a row per image, its platforms folded, errors with their fix, and the
 * commands to repeat the check. With very many images it leaves out the platforms, then rows, and says how many.
 */
export function signSummary(results: readonly SignResult[], setting: SummarySetting): string {
  const asked = results.filter(({ partOf }) => partOf === undefined);
  const sizes = [
    { rows: asked.length, platforms: true },
    { rows: asked.length, platforms: false },
    { rows: 300, platforms: false },
    { rows: 30, platforms: false },
  ];
  for (const size of sizes) {
    const markdown = render(results, asked, setting, size);
    if (Buffer.byteLength(markdown) <= mostBytes) return markdown;
  }
  return `${heading(results, asked, setting)}\n\nThe details are too long for a summary; output \`results\` has them.`;
}

/** The summary of a step that failed before any image was looked at. */
export function failureSummary(failure: { readonly code: string; readonly message: string; readonly fix: string }): string {
  return ['## ❌ Nothing was signed', errorBlock(failure)].join('\n\n');
}

function render(
  results: readonly SignResult[],
  asked: readonly SignResult[],
  setting: SummarySetting,
  size: { rows: number; platforms: boolean },
): string {
  const rows = asked.slice(0, size.rows);
  const table = ['<table>', '<tr><th>Image</th><th>Formats</th><th>Signer</th><th>Log index</th><th>Result</th></tr>'];
  const left = asked.length - rows.length;
  return [
    heading(results, asked, setting),
    [...table, ...rows.map((result) => row(result, setting)), '</table>'].join('\n'),
    ...(left > 0 ? [`… and ${left} more: see output \`results\`.`] : []),
    ...(size.platforms ? rows.flatMap((result) => platformTable(result, results, setting)) : []),
    ...errors(results),
    ...commands(rows, setting),
    ...publicKeyBlock(setting),
  ].join('\n\n');
}

function heading(results: readonly SignResult[], asked: readonly SignResult[], { readBack }: SummarySetting): string {
  const bad = results.filter(isBad).length;
  if (bad > 0) return `## ❌ ${bad} of ${count(results.length, results.length > asked.length ? 'manifest' : 'image')} failed`;
  const written = asked.some(({ status }) => status === 'signed') ? 'signed' : 'already signed';
  const inner = results.length - asked.length;
  const platforms = inner > 0 ? ` with ${count(inner, 'manifest')} inside` : '';
  return `## ${readBack ? '✅' : '✍️'} ${count(asked.length, 'image')}${platforms} ${written}${readBack ? ' and verified' : ''}`;
}

function row(result: SignResult, setting: SummarySetting): string {
  const names = (result.references.length > 0 ? result.references : [result.image]).map((name) => code(name.replace(/@sha256:.*$/, '')));
  const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
  const cells = [
    `${shown.join('<br>')}<br><sub>${code(result.digest)}</sub>`,
    ...sharedCells(result),
    signerCell(result),
    logCell(result.signatures),
    outcome(result, setting),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

/** The manifests inside one image index, folded: a line each. */
function platformTable(index: SignResult, results: readonly SignResult[], setting: SummarySetting): readonly string[] {
  const inner = results.filter(({ partOf }) => partOf === index.image);
  if (inner.length === 0) return [];
  const lines = inner.map((result) => {
    const cells = [
      escapeHtml(result.platform ?? ''),
      code(result.digest),
      ...sharedCells(result),
      logCell(result.signatures),
      outcome(result, setting),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const open = inner.some(isBad) ? '<details open>' : '<details>';
  const title = `<summary>${count(inner.length, 'manifest')} inside ${code(index.references[0] ?? index.image)}</summary>`;
  const head = '<tr><th>Platform</th><th>Digest</th><th>Formats</th><th>Log index</th><th>Result</th></tr>';
  return [[open, title, '<table>', head, ...lines, '</table>', '</details>'].join('\n')];
}

function sharedCells({ signatures }: SignResult): readonly string[] {
  return [signatures.map(({ format }) => format).join('<br>') || '–'];
}

function signerCell({ signer }: SignResult): string {
  const words = escapeHtml(signerInWords(signer)) || '–';
  const issuer = signer.issuer === undefined ? '' : `<br><sub>${code(signer.issuer)}</sub>`;
  return signer.identity === undefined ? words : `${words}${issuer}`;
}

function logCell(signatures: readonly SignatureResult[]): string {
  const entries = signatures.filter(({ tlogIndex }) => tlogIndex !== undefined);
  const cells = entries.map((entry) => {
    const page = logPage(entry);
    return page === undefined ? String(entry.tlogIndex) : `<a href="${escapeHtml(page)}">${entry.tlogIndex}</a>`;
  });
  return cells.join('<br>') || '–';
}

function outcome(result: SignResult, { readBack }: SummarySetting): string {
  if (result.status === 'failed') return `❌&nbsp;failed${result.error ? `<br>${code(result.error.code)}` : ''}`;
  if (result.verified === false) return '❌&nbsp;not&nbsp;verified';
  const written = result.status === 'signed' ? 'signed' : 'already&nbsp;signed';
  return readBack && result.verified === true ? `✅&nbsp;${written},<br>verified` : `✍️&nbsp;${written}`;
}

/** One block for each different error; images that share it are listed together (a registry that is down fails all of them alike). */
function errors(results: readonly SignResult[]): readonly string[] {
  const groups = Map.groupBy(
    results.filter(({ error }) => error !== undefined),
    ({ error }) => `${error?.code}\n${error?.message}\n${error?.fix}`,
  );
  return [...groups.values()].slice(0, 50).flatMap((group) => {
    const error = group[0]?.error;
    if (error === undefined) return [];
    const names = group.slice(0, 10).map(({ image, references }) => code(references[0] ?? image));
    const rest = group.length > 10 ? `<br>and ${group.length - 10} more` : '';
    return [errorBlock(error, `${names.join('<br>')}${rest}`)];
  });
}

function errorBlock(error: { readonly code: string; readonly message: string; readonly fix: string }, images = ''): string {
  const where = images === '' ? '' : `<br>${images}`;
  return `<blockquote>❌ <b>${escapeHtml(error.message)}</b> ${code(error.code)}${where}<br>👉 ${fixHtml(error.fix)}</blockquote>`;
}

/** A fix as HTML: fenced YAML becomes a `<pre>`, what stands in backticks is code. */
function fixHtml(fix: string): string {
  return fix
    .split('```')
    .map((part, index) =>
      index % 2 === 1
        ? `<pre>${escapeHtmlLines(part.replace(/^\w*\n/, '').replace(/\n$/, ''))}</pre>`
        : part
            .trim()
            .split('`')
            .map((text, odd) => (odd % 2 === 1 ? code(text) : escapeHtml(text)))
            .join(''),
    )
    .join('');
}

function commands(rows: readonly SignResult[], setting: SummarySetting): readonly string[] {
  const found = rows.flatMap((result) => verifyCommand(result, setting) ?? []);
  if (found.length === 0) return [];
  const texts = found
    .slice(0, mostCommands)
    .map((command) => escapeHtmlLines([commandText(command), ...command.notes.map((note) => `# ${note}`)].join('\n')));
  const more = found.length > mostCommands ? [`# and so on for ${found.length - mostCommands} more images`] : [];
  const block = [
    '<details>',
    '<summary>Verify it yourself</summary>',
    '<pre lang="sh">',
    [...texts, ...more].join('\n \n'),
    '</pre>',
    '</details>',
  ];
  const trust = setting.privateSigstore
    ? ['<sub><code>trusted_root.json</code> is the trusted root of the private Sigstore instance.</sub>']
    : [];
  return [[...block.slice(0, -1), ...trust, '</details>'].join('\n')];
}

function publicKeyBlock({ publicKey }: SummarySetting): readonly string[] {
  if (publicKey === undefined) return [];
  return [
    [
      '<details>',
      '<summary>The public key, <code>cosign.pub</code></summary>',
      `<pre>${escapeHtmlLines(publicKey.trim())}</pre>`,
      '</details>',
    ].join('\n'),
  ];
}

function isBad({ status, verified }: SignResult): boolean {
  return status === 'failed' || verified === false;
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VerifyReport } from '../../engine/verify.ts';
import { goodSignature, isWhole, type VerifyResult } from '../../engine/verify-result.ts';
import { shown } from '../../text/untrusted.ts';
import { count } from './lists.ts';
import { shortSigner } from './signer-words.ts';
import { workloadReports } from './workloads.ts';

/** What a README can show; the texts by the name of their file. */
export function reportFiles({
  results,
  notJudged,
}: Pick<VerifyReport, 'results' | 'notJudged'>): Readonly<Record<string, string>> {
  const workloads = workloadReports(results, notJudged);
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  return {
    'badge.json': json(badge(results)),
    'images.md': imagesTable(results, notJudged),
    ...(workloads.length === 0 ? {} : { 'workloads.json': json({ workloads }) }),
  };
}

/**
 * Writes them into a folder of this run.
 * @returns the folder. Throws as node:fs does.
 */
export function writeReport(
  report: Pick<VerifyReport, 'results' | 'notJudged'>,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const folder = join(env.RUNNER_TEMP || tmpdir(), `sign-image-report-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(reportFiles(report)))
    writeFileSync(join(folder, name), text);
  return folder;
}

/** For https://shields.io/badges/endpoint-badge. A registry that does not answer is no red badge. */
function badge(results: readonly VerifyResult[]): object {
  const asked = results.filter((result) => result.asked);
  const bad = asked.filter((result) => !isWhole(result, results));
  const silent = bad.filter(({ code }) => code === 'registry-error');
  const [message, color] =
    asked.length === 0
      ? ['none judged', 'lightgrey']
      : bad.length > silent.length
        ? [`${bad.length - silent.length} of ${asked.length} not`, 'red']
        : silent.length > 0
          ? ['no answer', 'lightgrey']
          : [`all ${asked.length}`, 'brightgreen'];
  return { schemaVersion: 1, label: 'signed images', message, color };
}

const mostImages = 1_000;

/** Images and who signed them, as a table of Markdown. */
function imagesTable(
  results: readonly VerifyResult[],
  notJudged: VerifyReport['notJudged'],
): string {
  const rows = [
    ...results
      .filter(({ asked }) => asked)
      .map((result) => {
        const good = goodSignature(result);
        const name = (result.references[0] ?? result.image).replace(/@sha256:.*$/s, '');
        const whole = isWhole(result, results);
        const signer = good === undefined ? '–' : shortSigner(good);
        return [name, result.digest ?? '–', whole ? signer : '–', whole ? 'verified' : why(result)];
      }),
    ...notJudged.map(({ reference, digest }) => [reference, digest ?? '–', '–', 'not judged']),
  ];
  const left = rows.length - mostImages;
  return [
    '| image | digest | signed by | result |',
    '|---|---|---|---|',
    ...rows.slice(0, mostImages).map((cells) => `| ${cells.map(cell).join(' | ')} |`),
    ...(left > 0 ? ['', `… and ${count(left, 'image')} more.`] : []),
    '',
  ].join('\n');
}

function why({ code, verified }: VerifyResult): string {
  return verified ? 'a manifest inside does not verify' : (code ?? 'unsigned');
}

/** Text of a registry or certificate as text only: no cell, link, mention or HTML is made of it. */
function cell(text: string): string {
  return shown(text, 300)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_[\]|~!@#]/g, (character) => `&#${character.charCodeAt(0)};`);
}

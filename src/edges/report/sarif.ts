import { constants, existsSync } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import type { VerifyResult } from '../../engine/verify-result.ts';
import { Failure } from '../../failure.ts';
import { verdictCodes } from '../../signature/verdict.ts';
import { shownLines } from '../../text/untrusted.ts';
import { withoutFences } from '../action/log.ts';
import { withOwnUses } from './own-repository.ts';
import { chapterPage } from './pages.ts';
import { adviceFor, codeTitles } from './verify-advice.ts';

/** Code scanning takes 25,000 results of one run, and shows 5,000. */
const mostResults = 5000;

/**
 * The findings as SARIF 2.1.0 (OASIS), a result for each place where an image that did not verify
 * is named. An image that stands in no file is shown at the workflow's own file: code scanning
 * takes no result without a place.
 */
export function sarifLog(results: readonly VerifyResult[], env: NodeJS.ProcessEnv): object {
  const bad = results.filter(({ verified }) => !verified);
  const times = new Map<string, number>();
  const findings = bad
    .flatMap((result) => placesOf(result, env).map((place) => finding(result, place, times, env)))
    .slice(0, mostResults);
  const used = [...new Set(bad.map(({ code }) => code ?? 'unsigned'))];
  const rules = verdictCodes
    .filter((code) => used.includes(code))
    .map((code) => ({
      id: code,
      shortDescription: { text: codeTitles[code] },
      ...helpOf(chapterPage(code, 'image', { env })),
      defaultConfiguration: { level: 'error' },
      properties: {
        tags: ['security', 'supply-chain'],
        precision: 'very-high',
        'security-severity': '8.0',
      },
    }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'sign-image verify', rules } },
        columnKind: 'utf16CodeUnits',
        results: findings,
      },
    ],
  };
}

function helpOf(page: string | undefined): { readonly helpUri?: string } {
  return page === undefined ? {} : { helpUri: page };
}

interface Place {
  readonly reference: string;
  readonly file: string;
  readonly line: number;
}

function placesOf(
  { sources = [], references, image }: VerifyResult,
  env: NodeJS.ProcessEnv,
): readonly Place[] {
  if (sources.length > 0) return sources;
  const file =
    /^[^/]+\/[^/]+\/(.+?)@/.exec(env.GITHUB_WORKFLOW_REF ?? '')?.[1] ?? '.github/workflows';
  return [{ reference: references[0] ?? image, file, line: 1 }];
}

function finding(
  result: VerifyResult,
  { reference, file, line }: Place,
  times: Map<string, number>,
  env: NodeJS.ProcessEnv,
): object {
  const code = result.code ?? 'unsigned';
  const what = `${code}:${reference}:${file}`;
  const time = (times.get(what) ?? 0) + 1;
  times.set(what, time);
  return {
    ruleId: code,
    level: 'error',
    message: {
      text: shownLines(
        `${reference}: ${result.reason ?? codeTitles[code]}\n${withOwnUses(withoutFences(adviceFor(result)), env)}`,
      ),
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: {
            uri: file.split('/').map(encodeURIComponent).join('/'),
            uriBaseId: '%SRCROOT%',
          },
          region: { startLine: line },
        },
      },
    ],
    // Not the line: the same finding a few lines further down is not a new one.
    partialFingerprints: { 'imageReference/v1': `${what}:${time}` },
  };
}

/**
 * Says where input `sarif` may write: below the workspace or RUNNER_TEMP. Asked before anything is
 * verified.
 * @throws {Failure} `bad-input`
 */
export function sarifPath(path: string, env: NodeJS.ProcessEnv): string {
  const workspace = resolve(env.GITHUB_WORKSPACE || '.');
  const full = isAbsolute(path) ? resolve(path) : resolve(workspace, path);
  const inside = [workspace, ...(env.RUNNER_TEMP ? [resolve(env.RUNNER_TEMP)] : [])].some(
    (folder) => full.startsWith(folder + sep),
  );
  if (inside) return full;
  throw new Failure(
    'bad-input',
    'Input sarif names a file outside of the workspace and RUNNER_TEMP.',
    'Write `sarif: image-signatures.sarif`.',
  );
}

/**
 * Writes the findings. A link in the checkout must not lead the file to somewhere else.
 * @throws {Failure} `bad-input` where the file cannot be written
 */
export async function writeSarif(path: string, log: object, env: NodeJS.ProcessEnv): Promise<void> {
  const folder = dirname(path);
  try {
    let existing = folder;
    while (!existsSync(existing)) existing = dirname(existing);
    const real = join(await realpath(existing), path.slice(existing.length + 1));
    const roots = await Promise.all(
      [env.GITHUB_WORKSPACE || '.', ...(env.RUNNER_TEMP ? [env.RUNNER_TEMP] : [])].map((root) =>
        realpath(root),
      ),
    );
    if (!roots.some((root) => real.startsWith(root + sep)))
      throw new Error('a link leads out of the workspace');
    await mkdir(dirname(real), { recursive: true });
    // Windows has no O_NOFOLLOW; elsewhere it refuses a link in the file's own place.
    const handle = await open(
      real,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0),
      0o644,
    );
    await handle.writeFile(`${JSON.stringify(log, undefined, 2)}\n`).finally(() => handle.close());
  } catch (caught) {
    const why = caught instanceof Error ? caught.message : String(caught);
    throw new Failure(
      'bad-input',
      `The file of input sarif could not be written: ${why}.`,
      'Write `sarif: image-signatures.sarif`.',
      {
        cause: caught,
      },
    );
  }
}

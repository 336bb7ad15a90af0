import {
  isWhole,
  type NotJudged,
  type Source,
  type VerifyResult,
} from '../../engine/verify-result.ts';
import { workloadName } from '../../references/image-use.ts';
import { shown } from '../../text/untrusted.ts';
import { count, listed } from './lists.ts';
import { code, details, facts, lines, prose } from './summary-html.ts';
import { adviceFor } from './verify-advice.ts';

// What the policies of this step would do to what runs in a cluster (files that `kubectl get` printed).

/**
 * `passes`: every image verifies; `denied`: one does not, so the workload would not start;
 * `unknown`: nobody can say, as a registry did not answer, or nobody is known to sign an image. A
 * registry that does not answer is no change of a cluster: who compares two reports must not take one
 * for the other.
 */
export type WorkloadState = 'passes' | 'denied' | 'unknown';

/** One image of a workload. */
export interface WorkloadImage {
  /** as the cluster has it */
  readonly reference: string;
  readonly state: WorkloadState;
  readonly code?: string;
  /** one sentence; of a policy file it begins with the policy's name */
  readonly reason?: string;
  /** what to do: the step that would sign it */
  readonly fix?: string;
}

/** What would become of a workload. */
export interface WorkloadReport {
  /** `namespace/Kind/name` */
  readonly workload: string;
  readonly state: WorkloadState;
  readonly images: readonly WorkloadImage[];
}

/** Codes that say nothing of the image's signatures. */
const unanswered: readonly (string | undefined)[] = ['registry-error', 'unresolved'];

/** The workloads that files name, sorted by name; none where these are no list of a cluster. */
export function workloadReports(
  results: readonly VerifyResult[],
  notJudged: readonly NotJudged[],
): readonly WorkloadReport[] {
  const images = new Map<string, Map<string, WorkloadImage>>();
  const add = (sources: readonly Source[], image: Omit<WorkloadImage, 'reference'>) => {
    for (const { workload, reference } of sources) {
      if (workload === undefined) continue;
      const name = workloadName(workload);
      const known = images.get(name) ?? new Map<string, WorkloadImage>();
      images.set(name, known.set(reference, { reference, ...image }));
    }
  };
  for (const result of results) add(result.sources ?? [], imageOf(result, results));
  for (const { reason, sources } of notJudged)
    add(sources, {
      state: 'unknown',
      code: 'not-judged',
      reason: reason ?? 'Inputs only-images and skip-images leave it out.',
    });
  return [...images]
    .map(([workload, known]) => {
      const all = [...known.values()];
      return { workload, state: worst(all.map(({ state }) => state)), images: all };
    })
    .sort((one, other) => (one.workload < other.workload ? -1 : 1));
}

function imageOf(
  result: VerifyResult,
  all: readonly VerifyResult[],
): Omit<WorkloadImage, 'reference'> {
  if (isWhole(result, all)) return { state: 'passes' };
  const { code: why, reason } = result;
  return {
    state: unanswered.includes(why) ? 'unknown' : 'denied',
    ...(why === undefined ? {} : { code: why }),
    ...(reason === undefined ? {} : { reason }),
    fix: adviceFor(result),
  };
}

function worst(states: readonly WorkloadState[]): WorkloadState {
  return states.includes('denied') ? 'denied' : states.includes('unknown') ? 'unknown' : 'passes';
}

const mostLines = 50;

/** Lines of the log: what would be denied or cannot be judged, and how many of each there are. */
export function workloadLines(reports: readonly WorkloadReport[]): readonly string[] {
  if (reports.length === 0) return [];
  const telling = reports.filter(({ state }) => state !== 'passes');
  const lines = telling.slice(0, mostLines).map(({ workload, state, images }) => {
    const why = images
      .filter((image) => image.state === state)
      .map(({ reference, code: said = '' }) => `${reference} ${said}`);
    return shown(`${state === 'denied' ? '✗' : '?'} ${workload}: ${listed(why, 3)}`, 500);
  });
  const left = telling.length - lines.length;
  const counts = (['denied', 'unknown', 'passes'] as const).flatMap((state) => {
    const number = reports.filter((report) => report.state === state).length;
    return number === 0 ? [] : [`${number} ${titles[state]}`];
  });
  return [
    ...lines,
    ...(left > 0 ? [`and ${left} more`] : []),
    `${count(reports.length, 'workload')}: ${counts.join(', ')}`,
  ];
}

const mostRows = 200;
const titles: Readonly<Record<WorkloadState, string>> = {
  denied: 'would be denied',
  unknown: 'cannot be judged',
  passes: 'pass',
};

/** Blocks of the summary: what would be denied in sight, the rest folded. */
export function workloadBlocks(reports: readonly WorkloadReport[]): readonly string[] {
  if (reports.length === 0) return [];
  const blocks = (['denied', 'unknown', 'passes'] as const).flatMap((state) => {
    const these = reports.filter((report) => report.state === state);
    if (these.length === 0) return [];
    const shown = these.slice(0, mostRows).map(row);
    const rest = these.length > mostRows ? [lines(`… and ${these.length - mostRows} more.`)] : [];
    const title = `${count(these.length, 'workload')} ${titles[state]}`;
    return [details(title, [...shown, ...rest].join('\n'), state === 'denied')];
  });
  return ['### By workload', ...blocks];
}

function row({ workload, state, images }: WorkloadReport): string {
  const telling = images.filter((image) => image.state === state && state !== 'passes');
  return lines(
    `<b>${code(workload)}</b>`,
    ...telling.map(({ reference, code: why = '', reason = '' }) =>
      facts(code(reference), code(why), prose(reason)),
    ),
  );
}

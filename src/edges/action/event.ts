import { readFile, stat } from 'node:fs/promises';

/**
 * What the event that started the run says of its repositories. Everything may be missing: a
 * schedule knows less than a push.
 */
export interface RunEvent {
  readonly repository?: {
    readonly fullName?: string;
    readonly visibility?: string;
    readonly private?: boolean;
    /** `User` or `Organization` */
    readonly ownerType?: string;
  };
  /** pull requests: `owner/name` of where the branch is; null when that repository was deleted */
  readonly headRepository?: string | null;
  readonly baseRepository?: string;
  readonly pullRequest?: {
    readonly number: number;
    /** commit */
    readonly head: string;
    /** commit */
    readonly base?: string;
  };
}

/** Payloads that GitHub sends are below 25 MB (webhook limit). */
const mostBytes = 25 * 1024 * 1024;

/**
 * Reads GITHUB_EVENT_PATH; an empty event when there is none, or it is no JSON: what is not known
 * is decided the careful way by the reader.
 */
export async function readEvent(env: NodeJS.ProcessEnv = process.env): Promise<RunEvent> {
  const path = env.GITHUB_EVENT_PATH;
  if (!path) return {};
  try {
    if ((await stat(path)).size > mostBytes) return {};
    return parseEvent(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}

/**
 * The few fields of a webhook payload that this action looks at, each only with the type it should
 * have.
 */
export function parseEvent(payload: unknown): RunEvent {
  const repository = objectAt(payload, 'repository');
  const pullRequest = objectAt(payload, 'pull_request');
  const head = objectAt(pullRequest, 'head');
  const headName = objectAt(head, 'repo')?.full_name;
  const base = objectAt(pullRequest, 'base');
  const baseName = objectAt(base, 'repo')?.full_name;
  return {
    ...(repository === undefined ? {} : { repository: repositoryOf(repository) }),
    ...(typeof headName === 'string'
      ? { headRepository: headName }
      : head?.repo === null
        ? { headRepository: null }
        : {}),
    ...(typeof baseName === 'string' ? { baseRepository: baseName } : {}),
    ...(Number.isSafeInteger(pullRequest?.number) && typeof head?.sha === 'string'
      ? {
          pullRequest: {
            number: pullRequest?.number as number,
            head: head.sha,
            ...(typeof base?.sha === 'string' ? { base: base.sha } : {}),
          },
        }
      : {}),
  };
}

function repositoryOf(repository: Record<string, unknown>) {
  const { full_name: fullName, visibility, private: isPrivate } = repository;
  const ownerType = objectAt(repository, 'owner')?.type;
  return {
    ...(typeof fullName === 'string' ? { fullName } : {}),
    ...(typeof visibility === 'string' ? { visibility } : {}),
    ...(typeof isPrivate === 'boolean' ? { private: isPrivate } : {}),
    ...(typeof ownerType === 'string' ? { ownerType } : {}),
  };
}

function objectAt(value: unknown, name: string): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const found = (value as Record<string, unknown>)[name];
  return typeof found === 'object' && found !== null
    ? (found as Record<string, unknown>)
    : undefined;
}

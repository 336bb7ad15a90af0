import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of the pull request, as its head has it. */
export interface HeadFile {
  readonly path: string;
  /** undefined for a deleted file; the text of a link, the commit of a submodule */
  readonly content?: string;
  /** of Git; default: a regular file */
  readonly mode?: '100644' | '100755' | '120000' | '160000';
  readonly status?: 'added' | 'modified' | 'removed' | 'renamed';
}

export interface FakeComment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string; readonly type: 'Bot' | 'User' };
}

export interface GithubOptions {
  /** the one token that is known */
  readonly token: string;
  readonly repository?: string;
  readonly number?: number;
  readonly head?: string;
  /** what the pull request changes */
  readonly files?: readonly HeadFile[];
  /** what else its head has */
  readonly unchanged?: readonly HeadFile[];
  /** what the commit has that it is to be merged into */
  readonly base?: { readonly sha: string; readonly files: readonly HeadFile[] };
  /** a repository that is too large for GitHub to give a whole tree */
  readonly isLarge?: boolean;
  /** `changed_files` of the pull request; default: how many there are */
  readonly changedFiles?: number;
  readonly permissions?: {
    readonly contents?: 'read' | 'none';
    readonly pullRequests?: 'none' | 'read' | 'write';
  };
  readonly comments?: readonly FakeComment[];
  /** who writes: the bot of the job's token, or a person */
  readonly writer?: FakeComment['user'];
  /** the first so many requests are answered with 502 */
  readonly badGateways?: number;
}

export interface FakeGithub {
  /** for GITHUB_API_URL */
  readonly url: string;
  readonly requests: { readonly method: string; readonly path: string; readonly status: number }[];
  readonly comments: FakeComment[];
  /** @throws Error when something was asked that is not here */
  close(): Promise<void>;
}

/** Git's id of a content. */
export function blobOf(content: string): string {
  const bytes = Buffer.from(content);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly link?: string;
}

const unknownRoute: Answer = { status: 501, body: { message: 'the sandbox has no such route' } };
const notFound: Answer = {
  status: 404,
  body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
};
const denied: Answer = {
  status: 403,
  body: {
    message: 'Resource not accessible by integration',
    documentation_url: 'https://docs.github.com/rest',
    status: '403',
  },
};

/**
 * The part of GitHub's REST API that the gate uses, for one pull request. As the real one it pages
 * (100 entries at most), lists 3,000 files at most, answers 401 to a token that it does not know,
 * 403 "Resource not accessible by integration" where the token may not, 422 to a body that is empty
 * or too long, and 404 to what it does not have. A route that is not here makes `close()` throw.
 */
export async function startGithub(options: GithubOptions): Promise<FakeGithub> {
  const requests: FakeGithub['requests'] = [];
  const comments = (options.comments ?? []).map((comment) => ({ ...comment }));
  let failing = options.badGateways ?? 0;
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const path = request.url ?? '/';
    const answer: Answer =
      failing-- > 0
        ? { status: 502, body: { message: 'Server Error' } }
        : answerTo(request, body, options, comments, url);
    requests.push({ method: request.method ?? '', path, status: answer.status });
    send(response, answer);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    comments,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      const unknown = requests.filter(({ status }) => status === 501);
      if (unknown.length > 0)
        throw new Error(
          `asked of GitHub, and not in the sandbox: ${unknown.map(({ method, path }) => `${method} ${path}`).join(', ')}`,
        );
    },
  };
}

function answerTo(
  request: IncomingMessage,
  body: unknown,
  options: GithubOptions,
  comments: FakeComment[],
  base: string,
): Answer {
  const { token, repository = 'acme/app', number = 7, permissions = {} } = options;
  const { pullRequests = 'read', contents = 'read' } = permissions;
  if (request.headers.authorization !== `token ${token}`)
    return { status: 401, body: { message: 'Bad credentials', status: '401' } };
  const url = new URL(request.url ?? '/', base);
  const route = `${request.method} ${url.pathname.replace(`/repos/${repository}`, '')}`;
  const blob = /^GET \/git\/blobs\/([0-9a-f]{40})$/.exec(route)?.[1];
  const comment = /^PATCH \/issues\/comments\/(\d+)$/.exec(route)?.[1];
  if (route === 'GET /user')
    return options.writer?.type === 'User' ? { status: 200, body: options.writer } : denied;
  const tree = /^GET \/git\/trees\/([0-9a-f]{40})$/.exec(route)?.[1];
  if (blob !== undefined || tree !== undefined) {
    if (contents === 'none') return denied;
    return blob === undefined
      ? treeAnswer(tree ?? '', url.searchParams.has('recursive'), options)
      : blobAnswer(blob, [...headFiles(options), ...(options.base?.files ?? [])]);
  }
  if (pullRequests === 'none') return denied;
  if (route === `GET /pulls/${number}`) return { status: 200, body: pullOf(options) };
  if (route === `GET /pulls/${number}/files`)
    return page((options.files ?? []).slice(0, 3000).map(fileEntry), url);
  if (route === `GET /issues/${number}/comments`) return page(comments, url);
  if (route !== `POST /issues/${number}/comments` && comment === undefined) return unknownRoute;
  if (pullRequests !== 'write') return denied;
  const text = typeof body === 'object' && body !== null && 'body' in body ? body.body : undefined;
  if (typeof text !== 'string' || text.trim() === '' || text.length > 65_536)
    return { status: 422, body: { message: 'Validation Failed', status: '422' } };
  return write(text, comment, comments, options.writer);
}

function write(
  text: string,
  id: string | undefined,
  comments: FakeComment[],
  writer: FakeComment['user'] | undefined,
): Answer {
  if (id === undefined) {
    const created = {
      id: 1000 + comments.length,
      body: text,
      user: writer ?? { login: 'github-actions[bot]', type: 'Bot' as const },
    };
    comments.push(created);
    return { status: 201, body: created };
  }
  const found = comments.find((comment) => comment.id === Number(id));
  if (found === undefined) return notFound;
  found.body = text;
  return { status: 200, body: found };
}

function pullOf({
  number = 7,
  head = 'a'.repeat(40),
  files = [],
  changedFiles = files.length,
}: GithubOptions): object {
  return { number, state: 'open', head: { sha: head }, changed_files: changedFiles };
}

function fileEntry({
  path,
  content,
  status = content === undefined ? 'removed' : 'modified',
}: HeadFile): object {
  const previous = status === 'renamed' ? { previous_filename: `old/${path}` } : {};
  return {
    filename: path,
    status,
    sha: blobOf(content ?? 'what was there'),
    additions: 1,
    deletions: 0,
    changes: 1,
    ...previous,
  };
}

function headFiles({ files = [], unchanged = [] }: GithubOptions): readonly HeadFile[] {
  return [...files, ...unchanged];
}

/** What GET /git/trees gives for a commit, or for one of its folders. */
function treeAnswer(sha: string, recursive: boolean, options: GithubOptions): Answer {
  const commits = [
    { commit: options.head ?? 'a'.repeat(40), files: headFiles(options) },
    ...(options.base === undefined
      ? []
      : [{ commit: options.base.sha, files: options.base.files }]),
  ];
  for (const { commit, files } of commits) {
    const there = files.filter(({ content }) => content !== undefined);
    const folders = new Set(there.flatMap(({ path }) => foldersOf(path)));
    const entries = [
      ...[...folders].map((path) => ({
        path,
        mode: '040000',
        type: 'tree',
        sha: folderId(commit, path),
      })),
      ...there.map(({ path, content = '', mode = '100644' }) => ({
        path,
        mode,
        type: mode === '160000' ? 'commit' : 'blob',
        sha: mode === '160000' ? content : blobOf(content),
      })),
    ];
    const folder =
      sha === commit ? '' : [...folders].find((path) => folderId(commit, path) === sha);
    if (folder === undefined) continue;
    if (recursive && options.isLarge === true)
      return { status: 200, body: { sha, tree: entries.slice(0, 1), truncated: true } };
    const below = folder === '' ? '' : `${folder}/`;
    const tree = entries
      .filter(({ path }) => path.startsWith(below) && path !== folder)
      .map((entry) => ({ ...entry, path: entry.path.slice(below.length) }))
      .filter(({ path }) => recursive || !path.includes('/'));
    return { status: 200, body: { sha, tree, truncated: false } };
  }
  return notFound;
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function folderId(commit: string, path: string): string {
  return createHash('sha1').update(`tree ${commit} ${path}`).digest('hex');
}

function blobAnswer(sha: string, files: readonly HeadFile[]): Answer {
  const content = files.find(
    (file) => file.content !== undefined && file.mode !== '160000' && blobOf(file.content) === sha,
  )?.content;
  if (content === undefined) return notFound;
  const text = Buffer.from(content).toString('base64').replace(/.{60}/g, '$&\n');
  return {
    status: 200,
    body: { sha, encoding: 'base64', content: text, size: Buffer.byteLength(content) },
  };
}

function page(entries: readonly unknown[], url: URL): Answer {
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
  const number = Number(url.searchParams.get('page') ?? 1);
  const body = entries.slice((number - 1) * size, number * size);
  if (number * size >= entries.length) return { status: 200, body };
  const next = new URL(url);
  next.searchParams.set('page', String(number + 1));
  return { status: 200, body, link: `<${next.href}>; rel="next"` };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === '' ? undefined : JSON.parse(text);
}

function send(response: ServerResponse, { status, body, link }: Answer): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    ...(link === undefined ? {} : { link }),
  });
  response.end(JSON.stringify(body));
}

import { gzipSync } from 'node:zlib';
import type { Reply } from '../sandbox/registry-http.ts';
import type { Attack, Scene } from './attack.ts';
import { answered, blobs, listOf, nasty, referrers } from './hostile-registry.ts';
import { type Json, makeBundle } from './material.ts';
import { type SignatureStore, types } from './store.ts';

const malformed = 'malformed';

/**
 * A good bundle that is listed by the tag; the registry's API, which is the other place, lists
 * nothing.
 */
function tagged(
  name: string,
  code: Attack['code'],
  edit: (entry: Json, scene: Scene) => unknown,
): Attack {
  const lay = (scene: Scene, evil: boolean): void => {
    const { store, bundle } = scene;
    const entry = store.entry(store.bundle(bundle()));
    const more = evil ? edit(entry, scene) : undefined;
    store.tag(Array.isArray(more) ? more : [entry]);
    store.override = ({ path }) => (referrers.test(path) ? listOf([]) : undefined);
  };
  return { name, code, lay };
}
const pages =
  (next: (page: number) => string | undefined) =>
  (_usual: () => Reply, store: SignatureStore, page: string | null): Reply => {
    const at = next(Number(page ?? 0));
    const [digest = ''] = store.registry.store
      .referrers(store.repository, store.image.digest)
      .map((each) => each.digest);
    return listOf([store.entry(digest)], at === undefined ? {} : { link: `<${at}>; rel="next"` });
  };

/** Lists of referrers: the API's pages, and the tag. */
export const listCases: readonly Attack[] = [
  {
    name: 'a referrer of another image, listed as ours',
    code: 'wrong-subject',
    lay: ({ forge, store }, evil) => {
      const other = store.newImage('other');
      const digest = store.bundle(makeBundle(forge, evil ? other : store.image), ({ subject }) =>
        Object.assign(subject, evil ? { digest: other.digest } : {}),
      );
      store.override = ({ path }) =>
        referrers.test(path) ? listOf([store.entry(digest)]) : undefined;
    },
  },
  {
    name: 'a good bundle about nothing, listed as ours',
    code: 'wrong-subject',
    lay: ({ store, bundle }, evil) => {
      const digest = store.bundle(bundle(), (manifest) => {
        if (evil) delete manifest.subject;
      });
      store.tag([store.entry(digest)]);
    },
  },
  tagged('a list that names itself', malformed, (_entry, { store }) => [
    store.entry(store.tag([]), { mediaType: types.index }),
  ]),
  tagged('a list that names the image', 'unsigned', (_entry, { store }) => [
    store.entry(store.image.digest, { artifactType: types.empty }),
  ]),
  tagged('a list that names what is not there', 'registry-error', () => [
    {
      mediaType: types.manifest,
      digest: `sha256:${'cd'.repeat(32)}`,
      size: 10,
      artifactType: types.bundle,
    },
  ]),
  tagged('a digest of another algorithm', malformed, (entry) =>
    Object.assign(entry, { digest: `sha512:${'cd'.repeat(64)}` }),
  ),
  tagged('a digest in upper case', malformed, (entry) =>
    Object.assign(entry, { digest: entry.digest.toUpperCase() }),
  ),
  tagged('a digest that is a path', malformed, (entry) =>
    Object.assign(entry, { digest: '../../evil/manifests/v1' }),
  ),
  tagged('a digest that is a workflow command', malformed, (entry) =>
    Object.assign(entry, { digest: nasty }),
  ),
  tagged('a digest that is an object', malformed, (entry) =>
    Object.assign(entry, { digest: { toString: nasty } }),
  ),
  {
    ...tagged('a list that gives the good manifest a size of 1 GiB', 'verified', (entry) =>
      Object.assign(entry, { size: 2 ** 30 }),
    ),
    passes: true,
  },
  {
    name: 'a tag that lists the good manifest of the API with other sizes and types',
    code: 'verified',
    passes: true,
    lay: ({ store, bundle }, evil) => {
      const digest = store.bundle(bundle());
      const lies = [
        { size: 2 ** 30 },
        { size: -1 },
        { artifactType: types.signature },
        { artifactType: 'x/y' },
        { mediaType: types.index },
      ];
      if (evil) store.tag(lies.map((lie) => store.entry(digest, lie)));
    },
  },
  tagged('a list that is not one', malformed, () => ['x']),
  tagged('1,001 signatures', 'too-large', () =>
    Array.from({ length: 1001 }, (_, n) => ({
      mediaType: types.manifest,
      digest: `sha256:${String(n).padStart(64, '0')}`,
      size: 9,
      artifactType: types.bundle,
    })),
  ),
  tagged('10,001 referrers of any kind', 'too-large', () =>
    Array.from({ length: 10_001 }, (_, n) => ({
      mediaType: types.manifest,
      digest: `sha256:${String(n).padStart(64, '0')}`,
      size: 9,
      artifactType: 'x/y',
    })),
  ),
  {
    ...answered(
      '100,000 referrers by the API',
      'too-large',
      referrers,
      pages((page) => `?page=${page + 1}`),
    ),
    mostRequests: 110,
  },
  answered('100,000 referrers in one page', 'too-large', referrers, () =>
    listOf(
      Array(100_000).fill({
        mediaType: types.manifest,
        digest: `sha256:${'ab'.repeat(32)}`,
        size: 9,
      }),
    ),
  ),
  answered('10,001 referrers in one page', 'too-large', referrers, () =>
    listOf(
      Array.from({ length: 10_001 }, (_, n) => ({
        mediaType: types.manifest,
        digest: `sha256:${String(n).padStart(64, '0')}`,
        size: 9,
      })),
    ),
  ),
  answered(
    'a page that leads to itself',
    'registry-error',
    referrers,
    pages(() => '?page=0'),
  ),
  answered(
    'two pages that lead to each other',
    'registry-error',
    referrers,
    pages((page) => `?page=${1 - page}`),
  ),
  answered(
    'a page on another host',
    'registry-error',
    referrers,
    pages(() => 'http://localhost:9/v2/x/referrers/y'),
  ),
  answered('a page that is missing', 'registry-error', referrers, (_usual, store, page) =>
    page === '1' ? { status: 404 } : pages(() => '?page=1')(_usual, store, page),
  ),
  answered('a page that is HTML', 'registry-error', referrers, (_usual, store, page) =>
    page === '1'
      ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }
      : pages(() => '?page=1')(_usual, store, page),
  ),
  answered('a list of another media type', 'unsigned', referrers, (usual) => ({
    ...usual(),
    headers: { 'content-type': 'application/json' },
  })),
  answered('a list with a key twice', 'unsigned', referrers, (usual) => ({
    ...usual(),
    body: String(usual().body).replace('"manifests":', '"manifests":[],"manifests":'),
  })),
];

/** Everything an HTTP server can do to a client. */
export const networkCases: readonly Attack[] = [
  ...(
    [
      ['the list of referrers', referrers],
      ['a manifest', /\/manifests\/sha256:/],
      ['a blob', blobs],
      ['the .sig tag', /\.sig$/],
    ] as const
  ).flatMap(([what, path]) => [
    faulty(`${what} without end`, 'too-large', path, { kind: 'endless-body', bytes: 1 << 20 }),
    faulty(`${what} cut short`, 'network', path, { kind: 'truncate' }),
    faulty(`${what} in bytes that are no HTTP`, 'network', path, { kind: 'garbage' }),
    faulty(`${what} behind a reset`, 'network', path, { kind: 'reset-before' }),
    answered(`${what} with another status`, 'registry-error', path, () => ({
      status: 500,
      body: 'no',
    })),
    answered(`${what} refused in words that forge a log`, 'registry-error', path, () => ({
      status: 418,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ errors: [{ code: nasty, message: nasty }] }),
    })),
    answered(`${what} as a gzip bomb`, 'network', path, () => ({
      status: 200,
      headers: { 'content-encoding': 'gzip', 'content-type': types.index },
      body: bomb,
    })),
    answered(`${what} behind a redirect to itself`, 'network', path, () => ({
      status: 307,
      headers: { location: '?again' },
    })),
    answered(`${what} behind a redirect to a file`, 'registry-error', path, () => ({
      status: 307,
      headers: { location: 'file:///etc/passwd' },
    })),
    answered(`${what} under a length of 1 TiB`, 'too-large', path, (usual) => ({
      ...usual(),
      headers: { ...usual().headers, 'content-length': String(2 ** 40) },
    })),
  ]),
];

const bomb = gzipSync(Buffer.alloc(16 << 20));

function faulty(
  name: string,
  code: Attack['code'],
  what: RegExp,
  fault: NonNullable<ReturnType<NonNullable<SignatureStore['faults']>>>,
): Attack {
  const lay = ({ store, bundle }: Scene, evil: boolean): void => {
    store.bundle(bundle());
    if (evil)
      store.faults = ({ method, path }) =>
        method === 'GET' && what.test(path) ? fault : undefined;
  };
  return { name, code, lay };
}

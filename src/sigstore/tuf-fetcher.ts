import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { asFailure, Failure } from '../failure.ts';
import type { Http } from '../http/http.ts';
import { readJson } from '../text/json.ts';
import { isWebPage, pageFix, pageInWords, pageSender } from '../text/web-page.ts';
import type { TufCache } from './tuf-cache.ts';

/** levels of lists and objects; real metadata has eight */
const maxDepth = 32;

/**
 * `distrustful` is online without the roots of the cache: somebody may have put something else
 * there.
 */
export type TufMode = 'online' | 'distrustful' | 'offline';

/**
 * tuf-js's way to the network, over our Http (proxies, deadline, bounds). Roots that the cache
 * holds are not asked for again: a root of one version never changes, and the chain is verified
 * anyway. `offline` answers from the cache only.
 */
export class TufFetcher implements Fetcher {
  readonly mode: TufMode;
  /** roots were taken from the cache */
  usedCachedRoots = false;
  /** the last time the mirror gave no answer, or one that says that it is broken */
  outage: Failure | undefined;
  /** N.root.json that came over the network, by file name */
  readonly newRoots = new Map<string, Buffer>();
  readonly #http: Http;
  readonly #retryBudget: () => number;
  readonly #cache: TufCache;

  constructor(
    { http, retryBudget }: { http: Http; retryBudget: () => number },
    cache: TufCache,
    mode: TufMode,
  ) {
    this.#http = http;
    this.#retryBudget = retryBudget;
    this.#cache = cache;
    this.mode = mode;
  }

  /**
   * The metadata at `url`. Throws DownloadHTTPError for 403 and 404 (to tuf-js: no newer root),
   * Failure for everything else. tuf-js parses before it verifies, so what would cost a parser much
   * memory ends here.
   */
  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const bytes = await this.#download(url, maxLength);
    const reading = readJson(bytes, maxDepth);
    if ('value' in reading) return bytes;
    throw new Failure(
      'tuf-error',
      `The metadata at ${url} cannot be read: ${reading.problem}.`,
      'Check `tuf-mirror:`.',
    );
  }

  async #download(url: string, maxLength: number): Promise<Buffer> {
    const file = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
    const isRoot = /^[1-9]\d{0,8}\.root\.json$/.test(file);
    if (this.mode === 'offline' || (isRoot && this.mode === 'online')) {
      const cached = await this.#cache.read(cachedName(file), maxLength);
      if (isRoot && cached !== undefined) this.usedCachedRoots = true;
      if (cached !== undefined) return cached;
      if (this.mode === 'offline') throw new DownloadHTTPError(`${file} is not in the cache`, 404);
    }
    const bytes = await this.#get(url, maxLength);
    if (isRoot) this.newRoots.set(file, bytes);
    return bytes;
  }

  async downloadFile<T>(
    url: string,
    maxLength: number,
    handler: (file: string) => Promise<T>,
  ): Promise<T> {
    const bytes = await this.#download(url, maxLength);
    const path = join(tmpdir(), `sign-image-tuf-${randomUUID()}`);
    try {
      await writeFile(path, bytes, { flag: 'wx', mode: 0o600 });
      return await handler(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #get(url: string, maxBytes: number): Promise<Buffer> {
    try {
      const response = await this.#http({
        method: 'GET',
        url: new URL(url),
        maxBytes,
        retryBudget: Math.max(0, this.#retryBudget()),
        redirect: 'follow',
      });
      if (response.status === 200 && isWebPage(response))
        throw new Failure(
          'tuf-error',
          `What came from ${url} is ${pageInWords(response, 'a TUF repository')}. ${pageSender}`,
          pageFix,
        );
      if (response.status === 200) return response.body;
      if (response.status === 403 || response.status === 404)
        throw new DownloadHTTPError(`${url} answered ${response.status}`, response.status);
      throw new Failure('tuf-error', `${url} answered ${response.status}.`, 'Check `tuf-mirror:`.');
    } catch (caught) {
      if (caught instanceof DownloadHTTPError) throw caught;
      const failure = asFailure(caught);
      // Too much is an answer, and a suspicious one; no answer, and 5xx, is an outage.
      if (failure.code !== 'too-large') this.outage = failure;
      throw failure;
    }
  }
}

/**
 * Snapshot and targets metadata may be asked for as `N.snapshot.json`; the cache keeps the newest
 * of each under its plain name.
 */
function cachedName(file: string): string {
  return /^\d+\.root\.json$/.test(file) ? file : file.replace(/^\d+\./, '');
}

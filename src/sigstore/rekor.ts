import type { SignatureBundle, Witness } from '@sigstore/sign';
import type { Clock } from '../clock.ts';
import type { Failure } from '../failure.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { createRekor1 } from './rekor1.ts';
import { createRekor2 } from './rekor2.ts';
import { badAnswer, callService, type ServiceEndpoint } from './service-call.ts';

export type RekorVersion = 1 | 2;

export interface RekorOptions {
  readonly http: Http;
  readonly clock: Clock;
  /** base URL; the API lies below `/api/v1` or `/api/v2` */
  readonly url: URL;
  /** input `rekor-version`, or what the signing config says; found out by asking where absent */
  readonly version?: RekorVersion;
  /** milliseconds that may be spent waiting for the log */
  readonly retryBudget: () => number;
  readonly tryLimit?: ServiceEndpoint['tryLimit'];
  /**
   * ids (32 bytes) of the logs of the trusted root; needed only to read back an entry of a Rekor v2
   * whose answer was lost
   */
  readonly logIds?: () => Promise<readonly Buffer[]>;
}

/** A transparency log of either version. */
export interface Rekor extends Witness {
  readonly url: URL;
  /** asked of the log at most once a run; start it early, it needs nothing but the network */
  version(): Promise<RekorVersion>;
}

/**
 * A Rekor to record signatures in. `testify` finds the version out first where it is not known.
 * Both methods throw {Failure} `rekor-error`; `testify` also `unsupported-key`.
 */
export function createRekor(options: RekorOptions): Rekor {
  const service = { name: 'Rekor', code: 'rekor-error', ...options } as const;
  let known: Promise<RekorVersion> | undefined;
  const version = (): Promise<RekorVersion> => {
    known ??=
      options.version === undefined ? findVersion(service) : Promise.resolve(options.version);
    return known;
  };
  const witnesses = { 1: createRekor1(service), 2: createRekor2(service) };
  return {
    url: options.url,
    version,
    async testify(content: SignatureBundle, publicKey: string) {
      return witnesses[await version()].testify(content, publicKey);
    },
  };
}

/** Milliseconds that version 1 waits for version 2 to show up on the same host. */
const grace = 1000;

/**
 * Asks both APIs at once. Version 1 tells about its tree; version 2 refuses an empty entry with 400
 * (nothing is written), while anything else there says 404. Reading its checkpoint would not do:
 * not every v2 server serves reads. A host that serves both is used with the newer one, as the
 * signing config specification wants; but a path that keeps failing on a v1 host is not waited for.
 */
async function findVersion(service: ServiceEndpoint): Promise<RekorVersion> {
  const neither = badAnswer(service, 'it speaks neither the API of Rekor v1 nor that of Rekor v2');
  const second = speaksVersion2(service).then((yes): RekorVersion => (yes ? 2 : raise(neither)));
  const first = speaksVersion1(service).then((yes): RekorVersion => (yes ? 1 : raise(neither)));
  const firstAlone = first.then((one) =>
    Promise.race([
      second.catch(() => one),
      new Promise<RekorVersion>((resolve) => {
        service.clock.timer(grace, () => resolve(one), { keepAlive: false });
      }),
    ]),
  );
  try {
    return await Promise.any([second, firstAlone]);
  } catch (caught) {
    const failures = caught instanceof AggregateError ? caught.errors : [caught];
    throw failures.find((failure) => failure !== neither) ?? neither;
  }
}

async function speaksVersion1(service: ServiceEndpoint): Promise<boolean> {
  const response = await callService(service, {
    method: 'GET',
    path: 'api/v1/log',
    accept: 'application/json',
    maxBytes: 1024 * 1024,
  });
  return response.status === 200 && typeof jsonOf(response)?.treeID === 'string';
}

async function speaksVersion2(service: ServiceEndpoint): Promise<boolean> {
  const response = await callService(service, {
    method: 'POST',
    path: 'api/v2/log/entries',
    contentType: 'application/json',
    accept: 'application/json',
    body: Buffer.from('{}'),
    maxBytes: 64 * 1024,
  });
  return response.status === 400 && jsonOf(response)?.code === 3;
}

function raise(failure: Failure): never {
  throw failure;
}

function jsonOf(response: HttpResponse): Readonly<Record<string, unknown>> | undefined {
  const reading = readJson(response.body, 20);
  return 'value' in reading && isJsonObject(reading.value) ? reading.value : undefined;
}

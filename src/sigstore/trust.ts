import { open } from 'node:fs/promises';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { Failure, type FailureCode } from '../failure.ts';
import type { Http } from '../http/http.ts';
import { parseTrustedRoot } from '../signature/trust.ts';
import { shown } from '../text/untrusted.ts';
import { parseSigningConfig, type SigningConfig } from './signing-config.ts';

/** Where trust comes from: the inputs of the same names, and what TUF needs. */
export interface TrustOptions {
  /** path or JSON; with it, no trusted root is fetched from anywhere */
  readonly trustedRoot?: string;
  /** path or JSON */
  readonly signingConfig?: string;
  /**
   * false for verifying, and where every service is given by its own address: then no signing
   * config is fetched
   */
  readonly needsSigningConfig: boolean;
  /** the version of Rekor that the signing config is to name, where one is fetched; default 1 */
  readonly rekorVersion?: 1 | 2;
  /** default: the public-good repository, whose first root is built in */
  readonly tufMirror?: URL;
  /** path or JSON of the first root.json of `tufMirror` */
  readonly tufRoot?: string;
  /**
   * a folder that later steps and jobs may find again (RUNNER_TOOL_CACHE); what is in it is never
   * trusted unchecked
   */
  readonly cacheDir: string;
  readonly http: Http;
  /** milliseconds that may be spent waiting for the TUF repository */
  readonly retryBudget: () => number;
}

export interface Trust {
  readonly trustedRoot: TrustedRoot;
  /** absent where it is not needed, or not given beside a given trusted root */
  readonly signingConfig?: SigningConfig;
  /** where the trusted root is from */
  readonly source: 'given' | 'tuf';
  /**
   * for the log: something that a person should know, e.g. that the repository was down and the
   * cache was used
   */
  readonly notices: readonly string[];
}

export const publicGoodMirror = new URL('https://tuf-repo-cdn.sigstore.dev');

const maxGiven = 4 * 1024 * 1024;

/**
 * Gets the trusted root, and the signing config where one is needed: as given, else from a TUF
 * repository. A given trusted root never touches TUF: then a signing config is used if given, and
 * absent otherwise. The TUF code is loaded only when it is used.
 * @throws {Failure} `bad-trusted-root`, `bad-signing-config`, `bad-input` (`tuf-mirror` without
 * `tuf-root`), `tuf-error`
 */
export async function loadTrust(options: TrustOptions): Promise<Trust> {
  const [givenRoot, config] = await Promise.all([
    options.trustedRoot === undefined
      ? undefined
      : readGiven('trusted-root', options.trustedRoot, 'bad-trusted-root'),
    options.signingConfig === undefined ? undefined : readSigningConfig(options.signingConfig),
  ]);
  if (givenRoot !== undefined) return trust(givenRoot, config, 'given', []);
  const wantsConfig = options.needsSigningConfig && config === undefined;
  const configTarget = wantsConfig ? configTargets[options.rekorVersion ?? 1] : undefined;
  const { targets, notices } = await fetchTargets(options, configTarget);
  const fetched = configTarget === undefined ? undefined : targets.get(configTarget);
  return trust(
    targets.get(rootTarget) ?? '',
    config ?? (fetched === undefined ? undefined : parseSigningConfig(fetched.toString('utf8'))),
    'tuf',
    notices,
  );
}

const rootTarget = 'trusted_root.json';
/** What a TUF repository calls its signing config, and the one that names a Rekor v2 first. */
const configTargets = {
  1: 'signing_config.v0.2.json',
  2: 'signing_config_rekor_v2.v0.2.json',
} as const;

async function fetchTargets(
  options: TrustOptions,
  configTarget: string | undefined,
): Promise<{ targets: ReadonlyMap<string, Buffer>; notices: readonly string[] }> {
  const { tufMirror, tufRoot, cacheDir, http, retryBudget } = options;
  const firstRoot =
    tufRoot === undefined ? undefined : await readGiven('tuf-root', tufRoot, 'bad-trusted-root');
  const mirror = tufMirror ?? publicGoodMirror;
  const { builtInRoot, fetchTufTargets } = await import('./tuf.ts');
  const root = firstRoot === undefined ? builtInRoot(mirror) : Buffer.from(firstRoot);
  if (root === undefined) {
    throw new Failure(
      'bad-input',
      `\`tuf-mirror\` names ${mirror.href} and \`tuf-root\` is empty, so nothing says whom to trust there.`,
      'Add `tuf-root:` with the first root.json of that repository, got over a way you trust.',
    );
  }
  const names = configTarget === undefined ? [rootTarget] : [rootTarget, configTarget];
  const instead = {
    [configTargets[2]]: `Remove \`rekor-version: 2\`, which takes the log that \`${configTargets[1]}\` of this repository names; or name a log with \`rekor-url:\`, or the services with \`signing-config:\`.`,
  };
  return fetchTufTargets(names, { mirror, root, cacheDir, http, retryBudget, instead });
}

function trust(
  trustedRoot: string | Buffer,
  signingConfig: SigningConfig | undefined,
  source: Trust['source'],
  notices: readonly string[],
): Trust {
  const root = parseTrustedRoot(Buffer.from(trustedRoot));
  return {
    trustedRoot: root,
    ...(signingConfig === undefined ? {} : { signingConfig }),
    source,
    notices,
  };
}

/**
 * Reads the input `signing-config`: a path or the JSON itself. Contacts nobody.
 * @throws {Failure} `bad-signing-config`
 */
export async function readSigningConfig(value: string): Promise<SigningConfig> {
  return parseSigningConfig(await readGiven('signing-config', value, 'bad-signing-config'));
}

/** JSON starts with a brace, and no path that anybody uses does; everything else is a path. */
async function readGiven(input: string, value: string, code: FailureCode): Promise<string> {
  const trimmed = value.trim();
  if (trimmed.startsWith('{')) {
    if (trimmed.length <= maxGiven) return trimmed;
    throw new Failure(
      code,
      `The JSON in \`${input}\` is larger than ${maxGiven} bytes.`,
      `Check what is in \`${input}:\`.`,
    );
  }
  if (trimmed === '' || trimmed.includes('\n')) {
    throw new Failure(
      code,
      `\`${input}\` holds neither JSON nor a path.`,
      `Pass a path, or the JSON itself, which starts with "{", in \`${input}:\`.`,
    );
  }
  return readFile(input, trimmed, code);
}

async function readFile(input: string, path: string, code: FailureCode): Promise<string> {
  try {
    await using file = await open(path, 'r');
    if (!(await file.stat()).isFile()) throw new Error('it is not a file');
    // One byte more than allowed tells a file that is too large, whatever its size was a moment
    // ago.
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(maxGiven + 1),
      position: 0,
      length: maxGiven + 1,
    });
    if (bytesRead > maxGiven) throw new Error(`it is larger than ${maxGiven} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead));
  } catch (caught) {
    const why =
      caught instanceof Error && !('code' in caught)
        ? caught.message
        : 'it does not exist or may not be read';
    throw new Failure(
      code,
      `The file "${shown(path, 200)}" in \`${input}\` cannot be used: ${why}.`,
      `Correct the path in \`${input}:\` (relative to the workspace; does the job run actions/checkout before?), or pass the JSON itself.`,
      { cause: caught },
    );
  }
}

/** The ids of the logs that a trusted root knows, for `createRekor`. */
export function logIdsOf(root: TrustedRoot): readonly Buffer[] {
  return root.tlogs.flatMap(({ checkpointKeyId, logId }) =>
    [checkpointKeyId, logId].flatMap((id) => (id === undefined ? [] : [id.keyId])),
  );
}

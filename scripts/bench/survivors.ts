// Many signers of one image at once, on a docker-registry without the referrers API, 50 ms away:
// whose signatures are there at the end? `npm run bench:survivors [trials]`; needs REGISTRY
// (docker-registry 2.8) and COSIGN3, as the interop tests do.

import { execFile } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDockerRegistry } from '../../__tests__/interop/peers.ts';
import { pushImage } from '../../__tests__/sandbox/images.ts';
import { type DelayProxyProcess, startDelayProxyProcess } from '../../__tests__/sandbox/proxy.ts';
import { systemClock } from '../../src/clock.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { openRegistry } from '../../src/registry/client.ts';
import { openStore } from '../../src/registry/store.ts';
import { judge } from '../../src/signature/judge.ts';
import { createTrust } from '../../src/signature/trust.ts';
import { actionEnvironment, median, timed } from './measure.ts';
import { entriesOf, startTap } from './tap.ts';

/** 0: only the cost */
const trials = Number(process.argv[2] ?? 10);
const signers = 8;
const password = 'survivors-password';
const root = process.env.ACTION_ROOT ?? join(import.meta.dirname, '..', '..');
const entry = join(root, 'dist', 'sign.js');
const cosign = process.env.COSIGN3 ?? '';
const folder = await mkdtemp(join(tmpdir(), 'sign-image-survivors-'));
const closers: (() => void | Promise<void>)[] = [
  () => rm(folder, { recursive: true, force: true }),
];
let bad = 0;

interface Signer {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** PEM of ours; for cosign, the path of the key without its ending */
  readonly key: string;
}
const ours: Signer[] = [];
const theirs: Signer[] = [];
const run = promisify(execFile);
const cosignOptions = {
  env: { PATH: process.env.PATH ?? '', HOME: folder, COSIGN_PASSWORD: password },
};

try {
  const docker = await startDockerRegistry(folder);
  closers.push(docker.stop);
  const slow = await startDelayProxyProcess({ target: docker.host });
  closers.push(slow.close);
  await makeKeys();
  console.log(
    `${signers} runs at once for one image, both formats; docker-registry 2.8 behind a proxy: +50 ms a response; ${trials} trials\n`,
  );
  if (trials > 0) await race('ours alone', 0, docker.host, slow.host);
  if (trials > 0)
    await race(
      `ours and ${signers} cosign 3 (bundle, then legacy)`,
      signers,
      docker.host,
      slow.host,
    );
  await protection(docker.host, slow);
} finally {
  for (const close of closers.reverse()) await close();
}
process.exitCode = bad === 0 ? 0 : 1;

/** Runs one kind of race and prints what survived. */
async function race(title: string, others: number, direct: string, host: string): Promise<void> {
  const total = {
    reported: 0,
    kept: 0,
    refused: 0,
    theirs: 0,
    theirsKept: 0,
    seen: 0,
    seenKept: 0,
  };
  const times: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const { digest } = await pushImage(direct, 'race/app', {
      seed: `${title} ${trial} ${Date.now()}`,
    });
    const reference = `${host}/race/app@${digest}`;
    const tap = await startTap(host);
    const start = performance.now();
    const [signed] = await Promise.all([
      Promise.all(ours.map((signer) => signOurs(`${tap.host}/race/app@${digest}`, signer))),
      Promise.all(theirs.slice(0, others).map((signer) => signTheirs(reference, signer))),
    ]);
    times.push(performance.now() - start);
    await tap.close();
    const there = await keptSignatures(direct, digest);
    const last = new Set(await lastEntries(direct, digest));
    total.seen += tap.seen.size;
    total.seenKept += [...tap.seen].filter((entry) => last.has(entry)).length;
    for (const { keyId, formats, code } of signed) {
      total.refused += code === 0 ? 0 : 1;
      for (const format of formats) {
        total.reported++;
        total.kept += there.has(`${format} ${keyId}`) ? 1 : 0;
      }
    }
    for (const { keyId } of theirs.slice(0, others)) {
      total.theirs += 2;
      total.theirsKept += ['bundle', 'legacy'].filter((format) =>
        there.has(`${format} ${keyId}`),
      ).length;
    }
  }
  if (total.kept < total.reported || total.seenKept < total.seen) bad++;
  const share = (part: number, whole: number) =>
    `${part} of ${whole} (${((100 * part) / Math.max(1, whole)).toFixed(1)} %)`;
  console.log(title);
  console.log(
    `  ours, reported as written and there at the end  ${share(total.kept, total.reported)}`,
  );
  console.log(
    `  runs of ours that failed, and said so           ${total.refused} of ${trials * signers}`,
  );
  console.log(
    `  entries that a read of ours has shown, at the end  ${share(total.seenKept, total.seen)}`,
  );
  if (others > 0)
    console.log(
      `  cosign's, each of which exited with 0           ${share(total.theirsKept, total.theirs)}`,
    );
  console.log(
    `  a trial took                                    ${(median(times) / 1000).toFixed(1)} s (median)\n`,
  );
}

async function makeKeys(): Promise<void> {
  for (let number = 0; number < signers; number++) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    ours.push({
      keyId: idOf(publicKey),
      publicKey,
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    const key = join(folder, `theirs-${number}`);
    await run(cosign, ['generate-key-pair', '--output-key-prefix', key], cosignOptions);
    const theirKey = createPublicKey(await readFile(`${key}.pub`));
    theirs.push({ keyId: idOf(theirKey), publicKey: theirKey, key });
  }
}

function idOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

interface Signed {
  readonly keyId: string;
  /** of the signatures that this run says are written */
  readonly formats: readonly string[];
  readonly code: number;
}

/** One run of the built action. */
async function signOurs(reference: string, { key, keyId }: Signer): Promise<Signed> {
  const { env, remove } = actionEnvironment({
    images: reference,
    key,
    tlog: 'false',
    format: 'both',
  });
  try {
    const { code } = await timed(process.execPath, [entry], env);
    const results =
      /^results<<(\S+)\n([\s\S]*?)\n\1$/m.exec(
        await readFile(env.GITHUB_OUTPUT ?? '', 'utf8'),
      )?.[2] ?? '[]';
    const [result] = JSON.parse(results) as { error?: object; signatures: { format: string }[] }[];
    // A run that fails says that one of them may be lost; of one that succeeds, all that it names
    // must be there.
    return {
      keyId,
      code,
      formats:
        result === undefined || result.error !== undefined
          ? []
          : result.signatures.map(({ format }) => format),
    };
  } finally {
    remove();
  }
}

/** cosign 3 writes its bundle, then, as cosign 2 does, the legacy signature. */
async function signTheirs(reference: string, { key }: Signer): Promise<void> {
  const plain = [
    'sign',
    '--key',
    `${key}.key`,
    '--tlog-upload=false',
    '--use-signing-config=false',
    '--allow-http-registry',
    '--yes',
  ];
  await run(cosign, [...plain, '--new-bundle-format=true', reference], cosignOptions);
  await run(cosign, [...plain, '--new-bundle-format=false', reference], cosignOptions);
}

/**
 * What the protection costs: from the answer to the last write until the step's last request is
 * answered. An unprotected writer would be done there; one that reads back (`verify: true`) needs
 * two more round trips, which are at the same time as the protection.
 */
async function protection(direct: string, slow: DelayProxyProcess): Promise<void> {
  console.log('after the last write, until the last answer, in ms (median of 7)');
  for (const verify of ['false', 'true']) {
    for (const images of [1, 10]) {
      const costs: number[] = [];
      for (let trial = 0; trial < 7; trial++) {
        const pushed = await Promise.all(
          Array.from({ length: images }, (_, number) =>
            pushImage(direct, 'cost/app', {
              seed: `${verify} ${images} ${trial} ${number} ${Date.now()}`,
            }),
          ),
        );
        const references = pushed.map(({ digest }) => `${slow.host}/cost/app@${digest}`).join('\n');
        const { env, remove } = actionEnvironment({
          images: references,
          key: ours[0]?.key ?? '',
          tlog: 'false',
          format: 'both',
          verify,
        });
        await slow.reset();
        const { code, output } = await timed(process.execPath, [entry], env);
        remove();
        if (code !== 0) throw new Error(output);
        const { log } = await slow.statistics();
        const lastWrite = Math.max(
          ...log.filter(({ method }) => method === 'PUT').map(({ end }) => end),
        );
        costs.push(Math.max(...log.map(({ end }) => end)) - lastWrite);
      }
      const cost = median(costs);
      if (cost > 300 + (verify === 'true' ? 100 : 0)) bad++;
      console.log(
        `  ${String(images).padStart(2)} images, verify: ${verify.padEnd(5)}  ${cost.toFixed(0)}`,
      );
    }
  }
}

/** What the two shared tags of an image list now. */
async function lastEntries(host: string, digest: string): Promise<string[]> {
  const tag = digest.replace(':', '-');
  const accept =
    'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
  const entries = await Promise.all(
    [tag, `${tag}.sig`].map(async (name) => {
      const path = `/v2/race/app/manifests/${name}`;
      return entriesOf(
        path,
        await (await fetch(`http://${host}${path}`, { headers: { accept } })).text(),
      );
    }),
  );
  return entries.flat();
}

/** Every signature that a reader finds and that verifies, as `format keyId`. */
async function keptSignatures(host: string, text: string): Promise<Set<string>> {
  const digest = parseDigest(text);
  const clock = systemClock;
  const deadline = createDeadline(60_000, clock);
  const http = createHttp({ deadline, clock, env: {} });
  const open = openRegistry({
    http,
    clock,
    credentials: async () => undefined,
    access: 'pull',
    mask: () => undefined,
  });
  const store = openStore(open({ registry: host, repository: 'race/app' }), digest, {
    clock,
    deadline,
  });
  const found = await store.found();
  http.close();
  const [first, ...rest] = [...ours, ...theirs].map(({ publicKey }) => ({ key: publicKey }));
  if (first === undefined) return new Set();
  const trust = createTrust(undefined);
  const verdicts = found.map((one) =>
    judge(one, digest, { signers: [first, ...rest], annotations: {}, tlog: 'ignore' }, trust),
  );
  return new Set(
    verdicts.filter(({ verified }) => verified).map(({ format, keyId }) => `${format} ${keyId}`),
  );
}

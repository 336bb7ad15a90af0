// One signing run in this process: the action's own parts, put together as the action puts them together,
// with shorter limits than the real ones; still shorter ones would measure the machine.

import { systemClock } from '../../src/clock.ts';
import { attestationKind } from '../../src/engine/attest.ts';
import { signatureKind } from '../../src/engine/sign.ts';
import { signImages } from '../../src/engine/sign-images.ts';
import type { Findable, Judged } from '../../src/engine/sign-outcome.ts';
import type { SignResult } from '../../src/engine/sign-result.ts';
import { type Kind, noServices, signatureMaker } from '../../src/engine/signer.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { digestOf, parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Image } from '../../src/image/resolve.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { openRegistry } from '../../src/registry/client.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { openStore } from '../../src/registry/store.ts';
import type { TestKey } from '../sign-action/keyed-world.ts';

export interface RunSetting {
  /** 127.0.0.1:PORT */
  readonly host: string;
  readonly repository: string;
  readonly images: readonly string[];
  /** the repository of that registry that what is signed goes to; beside the image when absent */
  readonly place?: string;
  readonly key: TestKey;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly annotations?: Readonly<Record<string, string>>;
  /** attested in place of a signature: JSON, as type https://example.com/scan/v1 */
  readonly document?: string;
  /** milliseconds for the whole run */
  readonly budget?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export const documentType = 'https://example.com/scan/v1';

/**
 * What the real run waits, and what this one does: idle connections 10 s, a try 30 s, a retry budget of 30
 * s; the pauses between looks 150 ms and more.
 */
export const shrunken = {
  limits: { connect: 2_000, idle: 2_000, whole: 6_000 },
  retryBudget: 24_000,
  slower: 10,
};

/**
 * Signs images with a key, both formats, read back and verified, over real sockets. Never throws
 * but for what is not a Failure.
 */
export async function signingRun(setting: RunSetting): Promise<readonly SignResult[]> {
  const {
    host,
    repository,
    images,
    key,
    credentials,
    annotations = {},
    place = repository,
    document,
    budget = 60_000,
    env = {},
  } = setting;
  const deadline = createDeadline(budget, systemClock);
  const http = createHttp({
    deadline,
    clock: systemClock,
    env,
    limits: shrunken.limits,
    random: () => 0.1,
  });
  const open = openRegistry({
    http,
    clock: systemClock,
    credentials: async () =>
      credentials === undefined ? undefined : { kind: 'password', ...credentials },
    access: 'pull,push',
    mask: () => undefined,
    retryBudget: shrunken.retryBudget,
  });
  const sleep = (milliseconds: number) => deadline.sleep(milliseconds / shrunken.slower);
  // The store's clock runs as much faster as its waits are shorter, so that it sees the pauses it
  // asked for.
  const start = performance.now();
  const now = () => (performance.now() - start) * shrunken.slower;
  const shared = {
    clock: { now },
    deadline: { remaining: () => deadline.remaining() * shrunken.slower, sleep },
    memory: new RunMemory(),
  };
  const around = {
    open,
    clock: systemClock,
    sleep,
    recursive: false,
    describedBy: 'bytes' as const,
    onTagOnly: () => undefined,
  };
  const targets = images.map((digest) => {
    const text = `${host}/${repository}@${digest}`;
    return { reference: parseReference(text), digest: parseDigest(digest), references: [text] };
  });
  const plan = {
    formats: ['bundle', 'legacy'] as const,
    annotations,
    skipExisting: true,
    verify: true,
  };
  const run = <Found extends Findable, Told extends Judged>(kind: Kind<Found, Told>) => {
    const maker = signatureMaker(loadSigner({ key: key.pem }), Promise.resolve(noServices), kind);
    const { thing, saysSame } = kind;
    const kept = { registry: host, repository: place };
    const store = (image: Image) => kind.place(openStore(open(kept), image.digest, shared));
    return signImages(targets, plan, { ...around, ...maker, thing, saysSame, store }, () => {});
  };
  try {
    if (document === undefined) return await run(signatureKind(annotations));
    const digest = digestOf(Buffer.from(document));
    return await run(attestationKind({ type: documentType, text: document, digest }));
  } finally {
    http.close();
  }
}

// The policy for outages with the real Http, at a hundredth of its size: 45 seconds inside 5
// minutes are 450 milliseconds inside 3 seconds.

import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Failure } from '../../src/failure.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { createFulcioSigner } from '../../src/sigstore/fulcio.ts';
import { createRekor } from '../../src/sigstore/rekor.ts';
import { createTimestampWitness } from '../../src/sigstore/timestamp.ts';
import { type ServiceName, type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { judge, signEnvelope } from './world.ts';

/** A Sigstore of its own for each test: they wait most of the time, so they run side by side. */
const inSandbox = (test: (sigstore: Sigstore) => Promise<void>) => async () => {
  const sigstore = await startSigstore();
  await test(sigstore).finally(() => sigstore.close());
};

function signWithin(sigstore: Sigstore, budget: number, wholeTry = 200) {
  const deadline = createDeadline(budget, systemClock);
  // A reserve is kept for what comes after: pushing, reading back, reporting.
  const patience = () => deadline.remaining() - budget / 10;
  const http = createHttp({
    deadline,
    clock: systemClock,
    env: {},
    limits: { whole: wholeTry, idle: wholeTry, connect: wholeTry },
    random: () => 0.5,
  });
  const signer = createFulcioSigner({
    http,
    clock: systemClock,
    patience,
    url: new URL(sigstore.fulcioUrl),
    identityToken: () => sigstore.token(),
  });
  const witnesses = [
    createRekor({ http, clock: systemClock, patience, url: new URL(sigstore.rekorUrl) }),
    createTimestampWitness({
      http,
      clock: systemClock,
      patience,
      url: new URL(sigstore.timestampUrl),
    }),
  ];
  return signEnvelope(signer, witnesses, '{}').finally(http.close);
}

/**
 * A stranger accepts what was signed within so many milliseconds, as of the workflow's identity.
 */
async function expectSigned(sigstore: Sigstore, budget = 3000): Promise<void> {
  const bundle = await signWithin(sigstore, budget);
  expect(judge(bundle, sigstore.trustedRoot, { logs: 1, times: 2 })).toEqual({
    identity: sigstore.certificateIdentity,
    issuer: sigstore.issuer,
  });
}

describe.concurrent.each(['fulcio', 'rekor', 'timestamp'] as const)(
  'an outage of %s inside the budget is survived',
  (service: ServiceName) => {
    it(
      'when it refuses connections',
      inSandbox(async (sigstore) => {
        await sigstore.faults[service].down(450);
        await expectSigned(sigstore);
      }),
    );

    it(
      'when it answers 503',
      inSandbox(async (sigstore) => {
        sigstore.faults[service].inject({ kind: 'status', status: 503 }, { milliseconds: 450 });
        await expectSigned(sigstore);
      }),
    );

    it(
      'when it hangs',
      inSandbox(async (sigstore) => {
        sigstore.faults[service].inject({ kind: 'hang' }, { milliseconds: 450 });
        await expectSigned(sigstore);
      }),
    );

    it(
      'when it has done the work and its answer is lost',
      inSandbox(async (sigstore) => {
        sigstore.faults[service].inject({ kind: 'reset', when: 'after' }, { times: 2 });
        await expectSigned(sigstore);
      }),
    );

    it(
      'when it asks for a pause',
      inSandbox(async (sigstore) => {
        sigstore.faults[service].inject(
          { kind: 'status', status: 429, retryAfter: 1 },
          { times: 1 },
        );
        const start = performance.now();
        await expectSigned(sigstore);
        expect(performance.now() - start).toBeGreaterThanOrEqual(1000);
      }),
    );
  },
);

describe.concurrent.each([
  ['fulcio', 'fulcio-error', /^Fulcio at /],
  ['rekor', 'rekor-error', /^Rekor at /],
  ['timestamp', 'timestamp-error', /^The timestamp authority at /],
] as const)('a longer outage of %s', (service, code, name) => {
  it(
    'that answers 503 fails within the budget, and says which service, how long and how often',
    inSandbox(async (sigstore) => {
      sigstore.faults[service].inject({ kind: 'status', status: 503 });
      const start = performance.now();
      const failure = (await signWithin(sigstore, 1000).catch(
        (caught: unknown) => caught,
      )) as Failure;
      expect(failure).toMatchObject({ code, message: expect.stringMatching(name) });
      expect(failure.message).toMatch(
        / answered 503 for \d+\.\d s, asked \d+ times: injected fault$/,
      );
      // half a second more for a busy machine
      expect(performance.now() - start).toBeLessThan(1500);
    }),
  );

  it(
    'that refuses connections does so too',
    inSandbox(async (sigstore) => {
      await sigstore.faults[service].down();
      const failure = (await signWithin(sigstore, 1000).catch(
        (caught: unknown) => caught,
      )) as Failure;
      expect(failure).toMatchObject({ code, message: expect.stringMatching(name) });
      expect(failure.message).toMatch(
        / gave no usable answer in \d+\.\d s: .* refused the connection \(\d+ tries in [\d.]+ m?s\)\.$/,
      );
    }),
  );
});

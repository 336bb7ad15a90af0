// The policy for outages, with the real Http and the real protocols, on a clock of the test's own:
// 45 seconds inside five minutes.
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/failure.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { createFulcioSigner } from '../../src/sigstore/fulcio.ts';
import { createRekor } from '../../src/sigstore/rekor.ts';
import { createTimestampWitness } from '../../src/sigstore/timestamp.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { everyThird } from '../sampled.ts';
import { type ServiceName, type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { judge, signEnvelope } from './world.ts';

const budget = 300_000;
const outage = 45_000;

/** A Sigstore that something befalls, and a run that signs with it; the time that this takes. */
async function openWorld() {
  const clock = new FakeClock();
  const network = new MemoryNetwork();
  const sigstore = await startSigstore({ clock, network });
  await sigstore.token(); // its key takes a while to be made, and must not be overtaken
  const sign = () => {
    const deadline = createDeadline(budget, clock);
    // A reserve is kept for what comes after: pushing, reading back, reporting.
    const retryBudget = () => deadline.remaining() - budget / 10;
    const http = createHttp({ deadline, clock, env: {}, ahead: network, random: () => 0.5 });
    const signer = createFulcioSigner({
      http,
      clock,
      retryBudget,
      url: new URL(sigstore.fulcioUrl),
      identityToken: () => sigstore.token(),
    });
    const witnesses = [
      createRekor({ http, clock, retryBudget, url: new URL(sigstore.rekorUrl) }),
      createTimestampWitness({ http, clock, retryBudget, url: new URL(sigstore.timestampUrl) }),
    ];
    return clock.run(() => signEnvelope(signer, witnesses, '{}').finally(http.close));
  };
  return { clock, sigstore, sign };
}

/** A stranger accepts what is signed, as of the workflow's identity. */
async function expectSigned({ sigstore, sign }: Awaited<ReturnType<typeof openWorld>>) {
  expect(judge(await sign(), sigstore.trustedRoot, { logs: 1, times: 2 })).toEqual({
    identity: sigstore.certificateIdentity,
    issuer: sigstore.issuer,
  });
}

const outages: readonly (readonly [
  string,
  (sigstore: Sigstore, service: ServiceName) => unknown,
  least: number,
  most: number,
])[] = [
  [
    'refuses connections',
    ({ faults }, service) => faults[service].down(outage),
    outage,
    outage + 5_000,
  ],
  [
    'answers 503',
    ({ faults }, service) =>
      faults[service].inject({ kind: 'status', status: 503 }, { milliseconds: outage }),
    outage,
    outage + 5_000,
  ],
  [
    'hangs',
    ({ faults }, service) => faults[service].inject({ kind: 'hang' }, { milliseconds: outage }),
    outage,
    // the last try that hangs begins at the end of the outage
    outage + 35_000,
  ],
  [
    'has done the work and its answer is lost',
    ({ faults }, service) => faults[service].inject({ kind: 'reset', when: 'after' }, { times: 2 }),
    0,
    1_000,
  ],
  [
    'asks for a pause',
    ({ faults }, service) =>
      faults[service].inject({ kind: 'status', status: 429, retryAfter: 20 }, { times: 1 }),
    20_000,
    21_000,
  ],
];

describe.each(['fulcio', 'rekor', 'timestamp'] as const)(
  'an outage of %s inside the budget is survived',
  (service) => {
    it.each(everyThird(outages))('when it %s', async (_how, befall, least, most) => {
      const world = await openWorld();
      await befall(world.sigstore, service);
      await expectSigned(world);
      expect(world.clock.now()).toBeGreaterThanOrEqual(least);
      expect(world.clock.now()).toBeLessThan(most);
    });
  },
);

describe.each([
  ['fulcio', 'fulcio-error', 'Fulcio at '],
  ['rekor', 'rekor-error', 'Rekor at '],
  ['timestamp', 'timestamp-error', 'The timestamp authority at '],
] as const)('a longer outage of %s', (service, code, name) => {
  it.each<[string, (sigstore: Sigstore) => unknown, RegExp]>([
    [
      'that answers 503',
      ({ faults }) => faults[service].inject({ kind: 'status', status: 503 }),
      / answered 503 for (\d+\.\d) s, asked \d{3} times: injected fault$/,
    ],
    [
      'that refuses connections',
      ({ faults }) => faults[service].down(),
      / gave no usable answer in (\d+\.\d) s: .* refused the connection \(\d{3} tries in [\d.]+ s\)\.$/,
    ],
    [
      'that hangs',
      ({ faults }) => faults[service].inject({ kind: 'hang' }),
      / gave no usable answer in (\d+\.\d) s: .* did not answer completely in time \(\d+ tries in [\d.]+ s\)\.$/,
    ],
  ])(
    '%s fails within the budget, and says which service, how long and how often',
    async (_how, befall, said) => {
      const { clock, sigstore, sign } = await openWorld();
      await befall(sigstore);
      const failure = (await sign().catch((caught: unknown) => caught)) as Failure;
      expect(failure).toMatchObject({ code, message: expect.stringMatching(`^${name}`) });
      expect(failure.message).toMatch(said);
      const told = Number(said.exec(failure.message)?.[1]) * 1000;
      // nine tenths of the budget, to the last pause or try
      expect(told).toBeGreaterThan(budget * 0.9 - 35_000);
      expect(told).toBeLessThan(budget);
      expect(Math.abs(clock.now() - told)).toBeLessThan(100);
    },
  );
});

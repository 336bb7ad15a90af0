// Several services of a kind, tried in turn, on a clock of the test's own.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { type Choice, createTurns, type StandIn, type Turn } from '../../src/sigstore/in-turn.ts';
import type { Candidate } from '../../src/sigstore/select-services.ts';
import { ServiceDown } from '../../src/sigstore/service-call.ts';
import { FakeClock } from '../fake-clock.ts';

const budget = 200_000;
const candidate = (name: string, operator = name): Candidate => ({
  url: new URL(`https://${name}.example`),
  operator,
});
const nameOf = ({ url }: Pick<Turn, 'url'>) => url.hostname.replace('.example', '');
/** What a service does: answers, is down until a moment, says something else. */
type Behaviour = 'up' | 'down' | { readonly downUntil: number } | Failure;

function open(choice: Choice, behaviours: Readonly<Record<string, Behaviour>>) {
  const clock = new FakeClock();
  const asked: [string, number][] = [];
  const standIns: StandIn[] = [];
  const turns = createTurns({
    name: 'Rekor',
    clock,
    choose: () => choice,
    retryBudget: () => budget - clock.now(),
    onStandIn: (one) => void standIns.push(one),
  });
  const ask = async (turn: Turn) => {
    const name = nameOf(turn);
    asked.push([name, clock.now()]);
    const does = behaviours[name] ?? 'up';
    if (does instanceof Failure) throw does;
    if (does === 'up') return name;
    const back = does === 'down' ? Number.POSITIVE_INFINITY : does.downUntil;
    const wait = Math.min(turn.retryBudget(), Math.max(0, back - clock.now()));
    await clock.sleep(wait);
    if (clock.now() >= back) return name;
    throw new ServiceDown('rekor-error', `${name} is down.`, 'Wait.');
  };
  const sign = (most?: number) => clock.run(() => turns(ask, most));
  return { clock, asked, standIns, sign };
}
const any = (...candidates: Candidate[]): Choice => ({ count: 1, candidates });
const [a, b, c] = ['a', 'b', 'c'].map((name) => candidate(name)) as [
  Candidate,
  Candidate,
  Candidate,
];

describe('of several services that will do', () => {
  it('the first is used, and no other is asked', async () => {
    const world = open(any(a, b), {});
    expect([await world.sign(), await world.sign()]).toEqual([['a'], ['a']]);
    expect([world.standIns, world.clock.now()]).toEqual([[], 0]);
  });

  it('the next is used after 20 seconds of the first, is told once, and comes first from then on', async () => {
    const world = open(any(a, b), { a: 'down' });
    expect(await world.sign()).toEqual(['b']);
    expect(world.asked).toEqual([
      ['a', 0],
      ['b', 20_000],
    ]);
    expect(await world.sign()).toEqual(['b']);
    expect(world.clock.now()).toBe(20_000);
    expect(world.standIns).toEqual([
      { name: 'Rekor', url: b.url, inPlaceOf: [{ url: a.url, why: 'a is down.' }] },
    ]);
  });

  it('each is waited for again, longer, when all were down', async () => {
    const world = open(any(a, b), { a: { downUntil: 100_000 }, b: 'down' });
    expect(await world.sign()).toEqual(['a']);
    expect(world.asked.map(([name, at]) => [name, at])).toEqual([
      ['a', 0],
      ['b', 20_000],
      ['a', 40_000],
    ]);
    expect(world.standIns).toEqual([]);
  });

  it('all that are down are told, within the budget', async () => {
    const world = open(any(a, b, c), { a: 'down', b: 'down', c: 'down' });
    await expect(world.sign()).rejects.toThrow(
      new ServiceDown(
        'rekor-error',
        'None of 3 answers: a is down. b is down. c is down.',
        'Wait.',
      ),
    );
    expect(world.clock.now()).toBe(budget);
    // There is no time left: each gets one more try.
    world.asked.length = 0;
    await expect(world.sign()).rejects.toBeInstanceOf(ServiceDown);
    expect(world.asked.map(([name]) => name)).toEqual(['a', 'b', 'c']);
  });

  it('a single one has the whole budget, and its own words', async () => {
    const world = open(any(a), { a: { downUntil: budget - 1 } });
    expect(await world.sign()).toEqual(['a']);
    const down = open(any(a), { a: 'down' });
    await expect(down.sign()).rejects.toMatchObject({ message: 'a is down.' });
    expect(down.asked).toHaveLength(1);
  });

  it.each([
    ['refuses', new Failure('rekor-error', 'Rekor did not take the entry (400).', '-')],
    ['answers wrongly', new Failure('rekor-error', 'The answer cannot be used.', '-')],
    ['finds the time of the step used up', new Failure('timeout', 'The time is used up.', '-')],
  ])('one that %s is not down: no other is asked', async (_what, failure) => {
    const world = open(any(a, b), { a: failure });
    await expect(world.sign()).rejects.toBe(failure);
    expect(world.asked).toEqual([['a', 0]]);
    const second = open(any(a, b, c), { a: 'down', b: failure });
    await expect(second.sign()).rejects.toBe(failure);
    expect(second.asked.map(([name]) => name)).toEqual(['a', 'b']);
  });
});

describe('of several services that are used at once', () => {
  const older = candidate('older', 'a');
  const two = (...candidates: Candidate[]): Choice => ({ count: 2, candidates });

  it('those of two operators, side by side', async () => {
    const world = open(two(a, b, c), {});
    expect(await world.sign()).toEqual(['a', 'b']);
    expect(await world.sign(1)).toEqual(['a']);
  });

  it('another operator stands in, and never one that is used already', async () => {
    expect(await open(two(a, b, c), { a: 'down' }).sign()).toEqual(['c', 'b']);
    expect(await open(two(a, b, older), { a: 'down' }).sign()).toEqual(['older', 'b']);
    // The older one is of the operator that the other lane uses: both would be one witness.
    const world = open(two(a, b, older), { b: 'down' });
    await expect(world.sign()).rejects.toMatchObject({ message: 'b is down.' });
    expect(world.asked.map(([name]) => name)).not.toContain('older');
  });

  it('one that is there is no outage of all, and all that are down are', async () => {
    const some = await open(two(a, b), { b: 'down' })
      .sign()
      .catch((caught: unknown) => caught);
    expect(some).toBeInstanceOf(Failure);
    expect(some).not.toBeInstanceOf(ServiceDown);
    const all = open(two(a, b), { a: 'down', b: 'down' });
    await expect(all.sign()).rejects.toBeInstanceOf(ServiceDown);
  });
});

it('who will do is asked anew for each signature: a shard may end during a run', async () => {
  const clock = new FakeClock();
  const turns = createTurns({
    name: 'Rekor',
    clock,
    choose: () => any(clock.now() < 1_000 ? a : b),
    retryBudget: () => budget,
    onStandIn: () => expect.unreachable(),
  });
  const ask = async (turn: Turn) => nameOf(turn);
  expect(await turns(ask)).toEqual(['a']);
  await clock.advance(1_000);
  expect(await turns(ask)).toEqual(['b']);
});

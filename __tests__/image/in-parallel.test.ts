import { expect, it } from 'vitest';
import { inOrder } from '../../src/image/in-parallel.ts';

it.each([
  ['in order', ['a', 'b', 'c'], [['a'], ['b'], ['c']]],
  ['backwards', ['c', 'b', 'a'], [[], [], ['a', 'b', 'c']]],
  ['the first last', ['b', 'a', 'c'], [[], ['a', 'b'], ['c']]],
])('things that come %s are handed on in order, each as soon as it can be', (_, come, handed) => {
  const told: string[] = [];
  const tell = inOrder(['a', 'b', 'a', 'c'], (thing: string) => void told.push(thing));
  const steps = come.map((key) => {
    told.length = 0;
    tell(key, key);
    return [...told];
  });
  expect(steps).toEqual(handed);
});

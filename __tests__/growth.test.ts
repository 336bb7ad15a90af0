import { expect, it } from 'vitest';
import { growth } from './growth.ts';

function spin(steps: number): number {
  let sum = 0;
  for (let step = 0; step < steps; step++) sum = (sum * 31 + step) | 0;
  return sum;
}

// What the tests that say "linear" stand on, shown with work of a known cost.
it.each([
  ['bounded', () => spin(1_000), 0.5, 1.5],
  ['linear', (size: number) => spin(size * 25), 1.5, 3],
  ['quadratic', (size: number) => spin(size * size), 3, 6],
] as const)('%s work grows as it does', (_, work, least, most) => {
  const found = growth(work, 40);
  expect(found).toBeGreaterThan(least);
  expect(found).toBeLessThan(most);
});

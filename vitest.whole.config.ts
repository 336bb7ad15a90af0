import { defineConfig } from 'vitest/config';

// Whole tables through the built actions, a process for each row: what the default suite takes
// samples of.
export default defineConfig({
  test: {
    include: ['__tests__/**/*.whole.test.ts'],
    testTimeout: 60_000,
    maxWorkers: 3,
  },
});

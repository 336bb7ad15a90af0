import { defineConfig } from 'vitest/config';

// Retry: many tests play outages in real time, and a machine that others use too may stall for a second. At home nothing is tried twice.
// Whole tables through the built actions, a process for each row: what the default suite takes samples of.
export default defineConfig({
  test: {
    include: ['__tests__/**/*.whole.test.ts'],
    setupFiles: ['__tests__/fast-check.ts'],
    retry: process.env.CI ? 1 : 0,
    testTimeout: 60_000,
    maxWorkers: 3,
  },
});

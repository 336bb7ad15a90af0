import { defineConfig } from 'vitest/config';

// Retry: many tests play outages in real time, and a machine that others use too may stall for a second. At home nothing is tried twice.
export default defineConfig({
  test: {
    include: ['__tests__/interop/**/*.test.ts'],
    retry: process.env.CI ? 1 : 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

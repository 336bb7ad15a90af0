import { defineConfig } from 'vitest/config';

// Retry: many tests play outages in real time, and a machine that others use too may stall for a second. At home nothing is tried twice.
export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    exclude: ['__tests__/interop/**', '__tests__/**/whole/**', '__tests__/**/*.whole.test.ts', '**/node_modules/**'],
    setupFiles: ['__tests__/fast-check.ts'],
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    // Many tests wait for a process of their own or for a timer: two more workers than cores use that time.
    maxWorkers: 4,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});

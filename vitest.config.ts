import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    exclude: ['__tests__/interop/**', '__tests__/**/whole/**', '__tests__/**/*.whole.test.ts', '**/node_modules/**'],
    testTimeout: 20_000,
    // Many tests wait for a process of their own or for a timer: two more workers than cores use that time.
    maxWorkers: 4,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});

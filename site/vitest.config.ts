import { defineConfig } from 'vitest/config';

// What was built, in a browser: `npm --prefix site run build` first.
export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

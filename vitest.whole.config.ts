import { defineConfig } from 'vitest/config';

// Whole tables through the built actions, a process for each row: what the default suite takes samples of.
export default defineConfig({
  test: { include: ['__tests__/**/*.whole.test.ts'], setupFiles: ['__tests__/fast-check.ts'], testTimeout: 60_000, maxWorkers: 3 },
});

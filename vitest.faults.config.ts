import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/faults/whole/**/*.test.ts'],
    testTimeout: 900_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});

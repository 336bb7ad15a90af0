import { defineConfig } from 'vitest/config';
import { withoutMaps } from './vitest.config.ts';

// Whole tables through the built actions, a process for each row: what the default suite takes
// samples of.
export default defineConfig({
  plugins: [withoutMaps],
  test: {
    include: ['__tests__/**/*.{whole,sampled}.test.ts'],
    // Only a hang is to end here, on a slow machine with something else to do as well.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    maxWorkers: 3,
    // It imports JSON without an attribute, which Node refuses and the bundler of the tests takes.
    server: { deps: { inline: ['@actions/workflow-parser'] } },
  },
});

import { readFile } from 'node:fs/promises';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest. */
const longest = [
  'sign-action/echoed-secrets',
  'attacks/attacks.sampled',
  'verify-action/pull-request.sampled',
  'verify-action/registry-login.sampled',
  'sign-action/keyless.sampled',
];

/**
 * Starts them first, so that no core waits for one of them in the end: on a fresh checkout Vitest
 * knows sizes of files, not how long they take.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      longest.some((name) => moduleId.endsWith(`/__tests__/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** The package names source maps that it does not ship; each would be a warning. */
export const withoutMaps = {
  name: 'without-maps',
  enforce: 'pre' as const,
  async load(id: string) {
    if (!/@actions\/workflow-parser\/.*\.js$/.test(id)) return undefined;
    return (await readFile(id, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/m, '');
  },
};

export default defineConfig({
  plugins: [withoutMaps],
  test: {
    include: ['__tests__/**/*.test.ts'],
    exclude: [
      '__tests__/interop/**',
      '__tests__/**/whole/**',
      '__tests__/**/*.whole.test.ts',
      '**/node_modules/**',
    ],
    // Of whole tables the suite plays a sample (sampled.ts), `npm run test:whole` all.
    env: { TABLES: 'sampled' },
    // Only a hang is to end here, on a slow machine with something else to do as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // It imports JSON without an attribute, which Node refuses and the bundler of the tests takes.
    server: { deps: { inline: ['@actions/workflow-parser'] } },
    // Many tests wait for a process of their own or for a timer: four more workers than cores use
    // that time.
    maxWorkers: 6,
    // A worker goes from file to file with the modules it has: loading them anew for each file
    // takes a third of the whole time. So a test puts back what it changes of its process:
    // vi.stubEnv and vi.unstubAllEnvs, not process.env.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});

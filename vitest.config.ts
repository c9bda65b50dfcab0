import { defineConfig } from 'vitest/config';

/** `unit`: pure, beside the code, parallel. `sim`: many hosts in virtual time. `e2e`: real kernel, etcd, Docker; one file at a time, in processes of their own. */
export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    coverage: {
      include: ['agent/**', 'controlplane/**', 'cli/**', 'cni/**'],
      exclude: ['**/*.test.ts', '**/generated/**'],
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{agent,controlplane,cli,cni,deploy}/**/*.test.ts'],
          // For what hangs: a property takes its time on a busy machine.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 900_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

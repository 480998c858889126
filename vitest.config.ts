import { defineConfig } from 'vitest/config';

// Machines that run these tests have two cores and emulate their VMs: files run one after another, so that a VM never
// competes with another for its only spare core.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});

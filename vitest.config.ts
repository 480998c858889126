import { defineConfig } from 'vitest/config';

// Machines that run these tests have two cores and emulate their VMs: files run one after another, so that a VM never
// competes with another for its only spare core.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});

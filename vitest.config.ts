import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The halves of the battery take half of the whole time: whatever starts last would leave a core idle. */
class BatteryFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isBattery = (file: TestSpecification): boolean => file.moduleId.includes('/battery/');
    return [...sorted.filter(isBattery), ...sorted.filter((file) => !isBattery(file))];
  }
}

// Two files at once, on machines of two cores that emulate their VMs.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    sequence: { sequencer: BatteryFirst },
    reporters: ['default', './test/support/closing-line.ts'],
  },
});

import type { Reporter, TestModule } from 'vitest/node';

/** Prints each skipped test with its reason, then one closing line with the counts. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests += 1;
        const result = test.result();
        if (result.state === 'passed') passed += 1;
        else if (result.state === 'failed') failed += 1;
        else {
          skipped += 1;
          const note = result.state === 'skipped' ? result.note : undefined;
          process.stdout.write(
            `SKIPPED ${module.moduleId} > ${test.fullName}: ${note ?? 'no reason given'}\n`,
          );
        }
      }
      // A module that failed to load has no tests, and must not look like a good one.
      if (tests === 0 || module.errors().length > 0) failed += 1;
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}

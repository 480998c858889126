// A workflow of one job in a line, for tests of the runner itself.

import { type RunOptions, type WorkflowRun, runWorkflow } from './index.ts';

export interface Bench {
  /** `steps`: YAML of the list, at any indent; `job`: more keys of the job, one a line */
  run(steps: string, more?: Partial<RunOptions> & { job?: string }): Promise<WorkflowRun>;
  /** a whole workflow */
  runFile(workflow: string, more?: Partial<RunOptions>): Promise<WorkflowRun>;
  /** removes what the runs left */
  clear(): void;
}

export function createBench(usual: Partial<RunOptions> = {}): Bench {
  const runs: WorkflowRun[] = [];
  const bench: Bench = {
    run(steps, { job = '', ...more } = {}) {
      const indent = (text: string): string => text.replace(/^(?=.)/gm, '      ');
      const lines = ['on: push', 'jobs:', '  one:', '    runs-on: ubuntu-latest'];
      const keys = job.replace(/^ *(?=\S)/gm, '    ');
      return bench.runFile([...lines, keys, '    steps:', indent(steps)].join('\n'), more);
    },
    async runFile(workflow, more = {}) {
      const run = await runWorkflow({ workflow, ...usual, ...more });
      runs.push(run);
      return run;
    },
    clear: () => runs.splice(0).forEach((run) => run.remove()),
  };
  return bench;
}

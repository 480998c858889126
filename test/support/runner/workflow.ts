// A workflow's jobs, in the order of their needs, with their combinations.

import { join } from 'node:path';

import { isFromFork } from './event.ts';
import { evaluate, evaluateCondition, evaluateText, type Contexts } from './expression.ts';
import { createRoot } from './folders.ts';
import { type RunFacts, runFacts } from './github-context.ts';
import { runJob } from './job.ts';
import { combinationsOf, labelOf, type Combination } from './matrix.ts';
import type { Conclusion } from './model.ts';
import { permissionsOf } from './permissions.ts';
import { faultsOfWorkflow } from './syntax.ts';
import type { JobRun, RunOptions, StartedRun, WorkflowRun } from './types.ts';
import { type JobFile, type WorkflowFile, readWorkflow } from './workflow-file.ts';

interface Running extends RunFacts {
  options: RunOptions;
  workflow: WorkflowFile;
  root: string;
  signal: AbortSignal;
  /** by job: what `needs` says of it */
  needs: Map<string, { result: Conclusion; outputs: Record<string, string> }>;
  jobs: JobRun[];
}

export function runWorkflow(options: RunOptions): Promise<WorkflowRun> {
  return startWorkflow(options).done;
}

/** Throws where the file is no workflow. Jobs run one after another, whatever could run at once. */
export function startWorkflow(options: RunOptions): StartedRun {
  const workflow = readWorkflow(options.workflow);
  const controller = new AbortController();
  const { root, remove } = createRoot(options.root);
  const running: Running = {
    ...runFacts(options, workflow.name),
    ...{ options, workflow, root, signal: controller.signal, needs: new Map(), jobs: [] },
  };
  return { done: runAll(running, remove), cancel: () => controller.abort() };
}

async function runAll(running: Running, remove: () => void): Promise<WorkflowRun> {
  const { workflow, workflowPath = 'test.yml' } = running.options;
  const faults = await faultsOfWorkflow(workflowPath, workflow);
  if (faults.length > 0) {
    remove();
    throw new Error(`Invalid workflow file:\n${faults.join('\n')}`);
  }
  for (const job of inOrder(running.workflow, running.options.jobs)) await runOne(running, job);
  const results = [...running.needs.values()].map(({ result }) => result);
  const has = (result: Conclusion): boolean => results.includes(result);
  return {
    conclusion: has('cancelled') ? 'cancelled' : has('failure') ? 'failure' : 'success',
    jobs: running.jobs,
    job(id) {
      const found = running.jobs.filter((job) => job.id === id);
      const [only] = found;
      if (only === undefined || found.length > 1)
        throw new Error(`${found.length} jobs with the id '${id}' ran`);
      return only;
    },
    remove,
  };
}

async function runOne(running: Running, job: JobFile): Promise<void> {
  const { options, github, event, workflow } = running;
  const contexts = contextsOf(running, job);
  const status = statusOf(running, job);
  const skip = (): void => {
    running.needs.set(job.id, { result: 'skipped', outputs: {} });
    running.jobs.push(skipped(job));
  };
  if (!evaluateCondition(job.if, { contexts, status })) return skip();
  if (job.uses !== undefined)
    throw new Error(`job '${job.id}': reusable workflows are not run here`);
  const isFork = isFromFork(options.event?.name ?? 'push', event.payload);
  const usual = options.defaultPermissions ?? { contents: 'read' };
  const permissions = permissionsOf(job.permissions ?? workflow.permissions, usual, isFork);
  const token = options.services?.token(permissions) ?? 'ghs_test';
  const secrets = { ...(isFork ? {} : options.secrets), GITHUB_TOKEN: token };
  const matrix = evaluateDeep(job.strategy?.matrix, contexts);
  const combinations = combinationsOf(matrix);
  const failFast = evaluate(job.strategy?.['fail-fast'] ?? true, { contexts }) !== false;
  const isTolerated = evaluate(job['continue-on-error'] ?? false, { contexts }) === true;
  const controller = new AbortController();
  const results: JobRun[] = [];
  for (const [index, combination] of combinations.entries()) {
    const strategy = {
      'fail-fast': failFast,
      'job-index': index,
      'job-total': combinations.length,
    };
    const all = { ...contexts, secrets, matrix: combination, strategy };
    const run = await runJob({
      ...{ options, workflow, job, permissions, contexts: all, event: event.payload },
      root: join(running.root, folderName(job, index, combinations.length)),
      name: nameOf(job, combination, all),
      github: { ...github, token },
      signal: AbortSignal.any([running.signal, controller.signal]),
    });
    results.push(run);
    running.jobs.push(run);
    if (failFast && run.conclusion === 'failure') controller.abort();
  }
  const has = (result: Conclusion): boolean => results.some((run) => run.conclusion === result);
  const result = has('failure')
    ? isTolerated
      ? 'success'
      : 'failure'
    : has('cancelled')
      ? 'cancelled'
      : 'success';
  const outputs = Object.assign({}, ...results.map((run) => run.outputs)) as Record<string, string>;
  running.needs.set(job.id, { result, outputs });
}

/** Without `secrets`: neither a job's condition nor its matrix may read them. */
function contextsOf({ github, options, needs, event }: Running, job: JobFile): Contexts {
  const all = Object.fromEntries(job.needs.map((need) => [need, needs.get(need)]));
  const dispatched = event.payload['inputs'];
  return {
    github,
    needs: all,
    vars: options.vars ?? {},
    inputs: options.inputs ?? dispatched ?? {},
  };
}

/** Of all jobs before it: a skipped one is no success for those that need it. */
function statusOf(running: Running, job: JobFile): 'success' | 'failure' | 'cancelled' {
  if (running.signal.aborted) return 'cancelled';
  const results = job.needs.map((need) => running.needs.get(need)?.result);
  if (results.includes('cancelled')) return 'cancelled';
  return results.every((result) => result === 'success') ? 'success' : 'failure';
}

function inOrder({ jobs }: WorkflowFile, wanted: readonly string[] = [...jobs.keys()]): JobFile[] {
  const order: JobFile[] = [];
  const visit = (id: string, path: readonly string[]): void => {
    const job = jobs.get(id);
    if (job === undefined) throw new Error(`no job '${id}'`);
    if (path.includes(id)) throw new Error(`Invalid workflow file: '${id}' needs itself`);
    if (order.includes(job)) return;
    for (const need of job.needs) visit(need, [...path, id]);
    order.push(job);
  };
  for (const id of wanted) visit(id, []);
  return order;
}

function evaluateDeep(value: unknown, contexts: Contexts): unknown {
  if (Array.isArray(value)) return value.map((item) => evaluateDeep(item, contexts));
  if (typeof value !== 'object' || value === null) return evaluate(value, { contexts });
  const pairs = Object.entries(value).map(([name, item]) => [name, evaluateDeep(item, contexts)]);
  return Object.fromEntries(pairs) as unknown;
}

function nameOf(job: JobFile, combination: Combination, contexts: Contexts): string {
  const own = job.name === undefined ? job.id : evaluateText(job.name, { contexts });
  return job.name?.includes('matrix.') === true ? own : own + labelOf(combination);
}

function folderName(job: JobFile, index: number, total: number): string {
  return total === 1 ? job.id : `${job.id}-${index}`;
}

function skipped(job: JobFile): JobRun {
  const folder = '/nonexistent';
  return {
    ...{ id: job.id, name: job.name ?? job.id, matrix: {}, conclusion: 'skipped', outputs: {} },
    ...{ steps: [], log: '', rawLog: '', annotations: [] },
    step: () => {
      throw new Error(`the job '${job.id}' was skipped`);
    },
    folders: {
      ...{ root: folder, work: folder, temp: folder, tools: folder, actions: folder },
      ...{ workspace: folder, eventFile: folder },
    },
  };
}

// One job: set up, `pre` stages, steps, `post` stages with the last first, and the end of what it left running (JobRunner.cs).

import { randomUUID } from 'node:crypto';

import { type Execution, type Frame, environmentOf, jobFrame, scopeOf } from './execution.ts';
import { evaluate, evaluateText } from './expression.ts';
import { removeFileCommands } from './file-commands.ts';
import { createFolders } from './folders.ts';
import { type Context, identityClaims, runnerContext } from './github-context.ts';
import { type Instance, createInstance, hasPre } from './instance.ts';
import { createMasker } from './masker.ts';
import { killOrphans } from './orphans.ts';
import type { Permissions } from './permissions.ts';
import { RUNNER_TIMING } from './process.ts';
import { evaluateFields, runStage } from './stage.ts';
import { type JobState, addError, addIssue, createStepState, writeLog } from './state.ts';
import type { Annotation, JobRun, RunOptions, StepRun } from './types.ts';
import type { JobFile, WorkflowFile } from './workflow-file.ts';

export interface JobOptions {
  options: RunOptions;
  workflow: WorkflowFile;
  job: JobFile;
  /** below which this job's folders are made */
  root: string;
  name: string;
  github: Context;
  event: unknown;
  permissions: Permissions;
  /** `secrets`, `vars`, `matrix`, `strategy`, `needs`, `inputs` */
  contexts: Context;
  signal: AbortSignal;
}

const LONGEST_JOB_MINUTES = 360;

export async function runJob(given: JobOptions): Promise<JobRun> {
  const { job, name } = given;
  const execution = createExecution(given);
  const { state } = execution;
  const frame = jobFrame(execution, given.contexts['inputs'] as Context);
  const set = createStepState('Set up job', state);
  const minutes = Number(job['timeout-minutes'] ?? LONGEST_JOB_MINUTES);
  const limit = AbortSignal.timeout(Math.min(minutes * execution.minute, 2 ** 31 - 1));
  execution.signal = AbortSignal.any([given.signal, limit]);
  const cancel = (): void => {
    execution.status = 'cancelled';
  };
  execution.signal.addEventListener('abort', cancel);
  if (execution.signal.aborted) cancel();
  let outputs: Record<string, string> = {};
  try {
    const instances = setUp(given, frame, set);
    execution.records.push(setUpRecord(set, 'success'));
    for (const instance of instances) if (hasPre(instance)) await runStage(frame, instance, 'pre');
    for (const instance of instances) await runStage(frame, instance, 'main');
    for (let post = frame.posts.pop(); post !== undefined; post = frame.posts.pop()) await post();
    outputs = jobOutputs(job, frame);
  } catch (error) {
    addError(set, (error as Error).message);
    execution.records.push(setUpRecord(set, 'failure'));
    frame.fail();
  } finally {
    execution.signal.removeEventListener('abort', cancel);
    removeFileCommands(execution.folders.temp);
    const end = createStepState('Complete job', state);
    for (const { pid, name } of killOrphans(execution.trackingId))
      writeLog(end, `Terminate orphan process: pid (${pid}) (${name})`);
  }
  const { records, folders, status } = execution;
  return {
    id: job.id,
    name,
    matrix: given.contexts['matrix'] as Context,
    conclusion: status,
    outputs,
    steps: records,
    step: (wanted, stage = 'main') => findStep(records, wanted, stage),
    log: state.log.join('\n'),
    rawLog: state.rawLog.join('\n'),
    annotations: records.flatMap((record): Annotation[] => record.annotations),
    folders,
  };
}

function createExecution(given: JobOptions): Execution {
  const { options, root, github, permissions } = given;
  const repository = String(github['repository']);
  const folders = createFolders(root, repository.split('/')[1] ?? repository, given.event);
  const state: JobState = {
    masker: createMasker(),
    environment: new Map(),
    prependPath: [],
    matchers: new Map(),
    workspace: folders.workspace,
    onLine: (line, step) => options.onLine?.(line, { job: given.job.id, step }),
    log: [],
    rawLog: [],
  };
  const runtimeToken = options.services?.runtimeToken({
    runId: String(github['run_id']),
    jobId: given.job.id,
    permissions,
    claims: identityClaims(options, github),
  });
  const secrets = given.contexts['secrets'] as Record<string, string>;
  for (const secret of [...Object.values(secrets), runtimeToken ?? '']) state.masker.add(secret);
  const { PATH, HOME, LANG, USER } = process.env;
  const host = Object.entries({ PATH, HOME, LANG, USER, ...options.environment });
  return {
    ...{ options, state, folders, permissions },
    github: {
      ...github,
      job: given.job.id,
      workspace: folders.workspace,
      event_path: folders.eventFile,
    },
    runner: runnerContext(options, folders),
    contexts: given.contexts,
    status: 'success',
    signal: given.signal,
    timing: { ...RUNNER_TIMING, ...options.timing },
    minute: options.minute ?? 60_000,
    trackingId: `github_${randomUUID()}`,
    defaults: {
      run: { ...given.workflow.defaults?.run, ...given.job.defaults?.run },
    },
    environment: Object.fromEntries(host.filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    services: runtimeToken === undefined ? undefined : { runtimeToken },
    records: [],
    names: new Set(),
  };
}

/** Throws where the job cannot be begun. */
function setUp(
  given: JobOptions,
  frame: Frame,
  set: ReturnType<typeof createStepState>,
): Instance[] {
  const { workflow, job, permissions } = given;
  if (job.container !== undefined || job.services !== undefined)
    throw new Error('jobs with `container:` or `services:` are not run here');
  writeLog(set, '##[group]GITHUB_TOKEN Permissions');
  for (const [name, level] of Object.entries(permissions)) writeLog(set, `${name}: ${level}`);
  writeLog(set, '##[endgroup]');
  for (const fields of [workflow.env, job.env])
    for (const [name, value] of evaluateFields(fields, frame, environmentOf(frame)))
      frame.execution.state.environment.set(name, value);
  writeLog(set, 'Prepare all required actions');
  const instances = job.steps.map((step) => createInstance(step, frame));
  for (const { file } of instances)
    if (file.uses?.startsWith('./') !== true && file.uses !== undefined)
      writeLog(set, `Download action repository '${file.uses}'`);
  return instances;
}

/** What holds a secret does not leave the job. */
function jobOutputs(job: JobFile, frame: Frame): Record<string, string> {
  const step = createStepState('Complete job', frame.execution.state);
  const outputs: Record<string, string> = {};
  for (const [name, value] of Object.entries(job.outputs ?? {})) {
    const text = evaluateText(evaluate(value, scopeOf(frame, environmentOf(frame))), {
      contexts: {},
    });
    if (frame.execution.state.masker.has(text))
      addIssue(step, 'warning', `Skip output '${name}' since it may contain secret.`);
    else outputs[name] = text;
  }
  return outputs;
}

function setUpRecord(
  set: ReturnType<typeof createStepState>,
  conclusion: 'success' | 'failure',
): StepRun {
  return {
    ...{ id: '', name: set.name, stage: 'main', outcome: conclusion, conclusion },
    ...{ exitCode: undefined, outputs: {}, state: {}, summary: '', environment: {}, duration: 0 },
    annotations: set.annotations,
    log: set.log.join('\n'),
    rawLog: '',
  };
}

function findStep(records: readonly StepRun[], wanted: string, stage: StepRun['stage']): StepRun {
  const step = records.find(
    (record) =>
      record.stage === stage && wanted !== '' && (record.id === wanted || record.name === wanted),
  );
  if (step === undefined)
    throw new Error(
      `no ${stage} stage of '${wanted}'; there are ${records.map(({ name }) => `'${name}'`).join(', ')}`,
    );
  return step;
}

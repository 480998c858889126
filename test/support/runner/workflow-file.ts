// A workflow file as data, with the mistakes that GitHub refuses before anything runs.

import { parse } from 'yaml';

export type Fields = Readonly<Record<string, unknown>>;

export interface StepFile {
  id?: string;
  name?: string;
  if?: unknown;
  uses?: string;
  run?: string;
  with?: Fields;
  env?: Fields | string;
  shell?: string;
  'working-directory'?: string;
  'continue-on-error'?: unknown;
  'timeout-minutes'?: unknown;
}

export interface JobFile {
  id: string;
  name?: string;
  needs: readonly string[];
  if?: unknown;
  permissions?: unknown;
  env?: Fields | string;
  outputs?: Fields;
  strategy?: { matrix?: unknown; 'fail-fast'?: unknown; 'max-parallel'?: unknown };
  steps: readonly StepFile[];
  defaults?: Defaults;
  'runs-on'?: unknown;
  'continue-on-error'?: unknown;
  'timeout-minutes'?: unknown;
  container?: unknown;
  services?: unknown;
  uses?: string;
}

interface Defaults {
  run?: { shell?: string; 'working-directory'?: string };
}

export interface WorkflowFile {
  name?: string;
  on: unknown;
  env?: Fields | string;
  permissions?: unknown;
  defaults?: Defaults;
  jobs: ReadonlyMap<string, JobFile>;
}

/** Throws with what GitHub would show as an invalid workflow file. */
export function readWorkflow(text: string): WorkflowFile {
  const file = parse(text, { maxAliasCount: 1000 }) as Record<string, unknown> | null;
  if (typeof file !== 'object' || file === null) throw invalid('it is no mapping');
  if (file['on'] === undefined) throw invalid("required property is missing: 'on'");
  const raw = file['jobs'];
  if (typeof raw !== 'object' || raw === null)
    throw invalid("required property is missing: 'jobs'");
  const jobs = new Map<string, JobFile>();
  for (const [id, job] of Object.entries(raw as Record<string, Record<string, unknown>>))
    jobs.set(id, readJob(id, job));
  for (const { id, needs } of jobs.values())
    for (const need of needs)
      if (!jobs.has(need)) throw invalid(`job '${id}' depends on unknown job '${need}'`);
  return { ...(file as unknown as WorkflowFile), jobs };
}

function readJob(id: string, job: Record<string, unknown>): JobFile {
  const steps = (job['steps'] ?? []) as StepFile[];
  const needs = job['needs'] ?? [];
  if (job['uses'] === undefined && job['runs-on'] === undefined)
    throw invalid(`job '${id}': required property is missing: 'runs-on'`);
  const ids = new Set<string>();
  for (const step of steps) {
    if ((step.run === undefined) === (step.uses === undefined))
      throw invalid(`job '${id}': a step has either 'run' or 'uses'`);
    if (step.id === undefined) continue;
    if (ids.has(step.id)) throw invalid(`the identifier '${step.id}' is used more than once`);
    ids.add(step.id);
  }
  return { ...job, id, steps, needs: typeof needs === 'string' ? [needs] : (needs as string[]) };
}

function invalid(why: string): Error {
  return new Error(`Invalid workflow file: ${why}`);
}

// What a job's steps share, and what one step of it has become so far.

import type { Command } from './command.ts';
import { toAnnotation } from './issue.ts';
import type { Masker } from './masker.ts';
import type { Matcher } from './matcher.ts';
import type { Annotation } from './types.ts';

/** Of a job; every step may change it. */
export interface JobState {
  masker: Masker;
  /** workflow's and job's `env:`, and what steps wrote to GITHUB_ENV */
  environment: Map<string, string>;
  /** what steps wrote to GITHUB_PATH, oldest first */
  prependPath: string[];
  matchers: Map<string, Matcher>;
  /** absolute; files of annotations are shown relative to it */
  workspace: string;
  onLine: (line: string, step: string) => void;
  log: string[];
  rawLog: string[];
}

/** What a step's output and file commands change. */
export interface StepState {
  name: string;
  job: JobState;
  outputs: Map<string, string>;
  /** shared by the stages of one action */
  state: Map<string, string>;
  annotations: Annotation[];
  summary: string;
  log: string[];
  rawLog: string[];
  /** a command that could not be done fails the step, whatever its process says */
  isCommandFailed: boolean;
  /** the composite step around it: what is logged or annotated is so there too */
  parent?: StepState;
}

/** Of each level; what comes after is in the log alone. */
const MOST_ANNOTATIONS = 10;
const TAGS = { failure: 'error', warning: 'warning', notice: 'notice' } as const;

export function createStepState(
  name: string,
  job: JobState,
  state = new Map<string, string>(),
): StepState {
  return {
    name,
    job,
    state,
    outputs: new Map(),
    annotations: [],
    summary: '',
    log: [],
    rawLog: [],
    isCommandFailed: false,
  };
}

/** A line for people to see; masked here. */
export function writeLog(step: StepState, text: string): void {
  for (const line of step.job.masker.mask(text).split('\n')) {
    for (let one: StepState | undefined = step; one !== undefined; one = one.parent)
      one.log.push(line);
    step.job.log.push(line);
    step.job.onLine(line, step.name);
  }
}

export function addIssue(
  step: StepState,
  level: Annotation['level'],
  message: string,
  properties?: Command['properties'],
): void {
  const annotation = toAnnotation(level, step.job.masker.mask(message), properties);
  const inside = `${step.job.workspace}/`;
  if (annotation.path?.startsWith(inside) === true)
    annotation.path = annotation.path.slice(inside.length);
  writeLog(step, `##[${TAGS[level]}]${annotation.message}`);
  keepAnnotation(step, annotation);
}

/** Without a line in the log of its own. */
export function keepAnnotation(step: StepState, annotation: Annotation): void {
  for (let one: StepState | undefined = step; one !== undefined; one = one.parent) {
    const same = one.annotations.filter(({ level }) => level === annotation.level);
    if (same.length < MOST_ANNOTATIONS) one.annotations.push(annotation);
  }
}

export function addError(step: StepState, message: string): void {
  addIssue(step, 'failure', message);
}

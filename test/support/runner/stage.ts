// One stage of a step from its condition to its conclusion (StepsRunner.cs).

import { type Frame, environmentOf, scopeOf } from './execution.ts';
import { type Scope, evaluate, evaluateCondition, evaluateText, toText } from './expression.ts';
import { createFileCommands, takeFileCommands } from './file-commands.ts';
import { type Work, runNode, runScript } from './handlers.ts';
import { runComposite, runCompositePosts } from './composite.ts';
import { type Instance, displayName, loadAction } from './instance.ts';
import type { Conclusion } from './model.ts';
import { type StepState, addError, createStepState } from './state.ts';
import type { Stage, StepRun } from './types.ts';

const PREFIX = { pre: 'Pre ', main: '', post: 'Post ' } as const;

export async function runStage(frame: Frame, instance: Instance, stage: Stage): Promise<void> {
  const { execution } = frame;
  const began = Date.now();
  const environment = environmentOf(frame);
  const step = createStepState(nameOf(frame, instance, stage), execution.state, instance.state);
  if (frame.parent !== undefined) step.parent = frame.parent;
  const done = { outcome: 'skipped' as Conclusion, conclusion: 'skipped' as Conclusion };
  let exitCode: number | undefined;
  let begun: Readonly<Record<string, string>> = {};
  try {
    for (const [name, value] of evaluateFields(instance.file.env, frame, environment))
      environment.set(name, value);
    if (evaluateCondition(conditionOf(instance, stage), conditionScope(frame, environment))) {
      const limit = limitTime(frame, instance, stage, environment);
      try {
        const files = createFileCommands(execution.folders.temp);
        const work: Work = {
          ...{ frame, instance, stage, step, environment, files, signal: limit.signal },
          onStart: (variables) => (begun = variables),
        };
        exitCode = await perform(work);
        takeFileCommands(step, files);
        done.outcome = exitCode === 0 && !step.isCommandFailed ? 'success' : 'failure';
      } finally {
        limit.end();
      }
      if (limit.isTimedOut()) {
        const minutes = String(instance.file['timeout-minutes']);
        addError(step, `The action '${step.name}' has timed out after ${minutes} minutes.`);
        done.outcome = 'failure';
      } else if (limit.signal.aborted) {
        addError(step, 'The operation was canceled.');
        done.outcome = 'cancelled';
      }
    }
  } catch (error) {
    addError(step, (error as Error).message);
    done.outcome = 'failure';
  }
  done.conclusion = done.outcome;
  if (done.outcome === 'failure' && stage === 'main' && isTolerated(frame, instance, environment))
    done.conclusion = 'success';
  if (done.conclusion === 'failure') frame.fail();
  if (stage === 'main' && instance.file.id !== undefined)
    frame.steps[instance.file.id] = { ...done, outputs: Object.fromEntries(step.outputs) };
  if (frame.parent === undefined)
    execution.records.push(
      record({ instance, step, stage, exitCode, environment: begun, ...done }, began),
    );
}

async function perform(work: Work): Promise<number> {
  const { frame, instance, stage } = work;
  if (instance.uses === undefined) return runScript(work);
  const action = loadAction(instance, frame);
  const { runs } = action;
  if (!instance.hasPostRegistered && stage !== 'post') {
    instance.hasPostRegistered = true;
    if (runs.kind === 'composite' || runs.post !== undefined)
      frame.posts.push(() => runStage(frame, instance, 'post'));
  }
  if (runs.kind === 'node') return runNode(work, action, runs);
  return stage === 'post' ? runCompositePosts(work) : runComposite(work, action);
}

function conditionOf(instance: Instance, stage: Stage): unknown {
  const runs = instance.action?.runs;
  if (stage === 'main') return instance.file.if;
  if (runs?.kind !== 'node') return 'always()';
  return stage === 'pre' ? runs.preIf : runs.postIf;
}

/** Secrets are not there for a condition. */
function conditionScope(frame: Frame, environment: ReadonlyMap<string, string>): Scope {
  const scope = scopeOf(frame, environment);
  const { secrets: _, ...contexts } = scope.contexts;
  return { ...scope, contexts };
}

function nameOf(frame: Frame, instance: Instance, stage: Stage): string {
  const raw = displayName(instance);
  try {
    return PREFIX[stage] + evaluateText(raw, scopeOf(frame, environmentOf(frame)));
  } catch {
    return PREFIX[stage] + raw; // as it is written, when it cannot be worked out
  }
}

export function evaluateFields(
  fields: Instance['file']['env'],
  frame: Frame,
  environment: ReadonlyMap<string, string>,
): [string, string][] {
  const scope = scopeOf(frame, environment);
  const all = typeof fields === 'string' ? evaluate(fields, scope) : (fields ?? {});
  return Object.entries(all as Record<string, unknown>).map(([name, value]) => [
    name,
    toText(evaluate(value, scope)),
  ]);
}

function isTolerated(
  frame: Frame,
  instance: Instance,
  environment: ReadonlyMap<string, string>,
): boolean {
  const value = evaluate(instance.file['continue-on-error'] ?? false, scopeOf(frame, environment));
  return value === true || value === 'true';
}

interface Limit {
  signal: AbortSignal;
  isTimedOut: () => boolean;
  end: () => void;
}

/** Ends the stage when its time is over, or when the job is cancelled and its condition does not hold any more. */
function limitTime(
  frame: Frame,
  instance: Instance,
  stage: Stage,
  environment: ReadonlyMap<string, string>,
): Limit {
  const { execution } = frame;
  const controller = new AbortController();
  let isTimedOut = false;
  const cancel = (): void => {
    const scope = { ...conditionScope(frame, environment), status: 'cancelled' as const };
    if (!evaluateCondition(conditionOf(instance, stage), scope)) controller.abort();
  };
  if (!execution.signal.aborted) execution.signal.addEventListener('abort', cancel);
  const minutes = Number(
    evaluate(instance.file['timeout-minutes'] ?? 0, scopeOf(frame, environment)),
  );
  const timer =
    stage === 'main' && minutes > 0
      ? setTimeout(() => {
          isTimedOut = true;
          controller.abort();
        }, minutes * execution.minute)
      : undefined;
  return {
    signal: controller.signal,
    isTimedOut: () => isTimedOut,
    end() {
      clearTimeout(timer);
      execution.signal.removeEventListener('abort', cancel);
    },
  };
}

type Ended = Pick<StepRun, 'stage' | 'outcome' | 'conclusion' | 'exitCode' | 'environment'> & {
  instance: Instance;
  step: StepState;
};

function record({ instance, step, ...ended }: Ended, began: number): StepRun {
  return {
    ...ended,
    id: instance.file.id ?? '',
    name: step.name,
    outputs: Object.fromEntries(step.outputs),
    state: Object.fromEntries(step.state),
    summary: step.summary,
    annotations: step.annotations,
    log: step.log.join('\n'),
    rawLog: step.rawLog.join('\n'),
    duration: Date.now() - began,
  };
}

// A composite action: its steps in a frame of their own, with the outputs that it maps (CompositeActionHandler.cs).

import type { ActionFile } from './action-file.ts';
import { type Frame, scopeOf } from './execution.ts';
import { evaluateText } from './expression.ts';
import type { Work } from './handlers.ts';
import { evaluateInputs } from './inputs.ts';
import { type Instance, hasPre } from './instance.ts';
import { runStage } from './stage.ts';

interface Inner {
  frame: Frame;
  hasFailed: boolean;
}

/** Kept from stage to stage: what is left to be done at the job's end belongs to the frame of `main`. */
const inners = new WeakMap<Instance, Inner>();

/** Exit code of the `pre` or `main` stage: 1 when a step of it failed. */
export async function runComposite(work: Work, action: ActionFile): Promise<number> {
  const { instance, stage, step, environment } = work;
  const inner = enter(work, action);
  for (const child of instance.children)
    if (stage === 'main' || hasPre(child)) await runStage(inner.frame, child, stage);
  const outer = scopeOf(inner.frame, environment);
  for (const [name, { value }] of Object.entries(stage === 'main' ? action.outputs : {}))
    step.outputs.set(name, evaluateText(value ?? '', outer));
  return inner.hasFailed ? 1 : 0;
}

/** The last first, as a job's own. */
export async function runCompositePosts({ instance, step }: Work): Promise<number> {
  const inner = inners.get(instance);
  if (inner === undefined) return 0;
  inner.hasFailed = false;
  inner.frame.parent = step;
  const { posts } = inner.frame;
  for (let post = posts.pop(); post !== undefined; post = posts.pop()) await post();
  return inner.hasFailed ? 1 : 0;
}

function enter(work: Work, action: ActionFile): Inner {
  const { frame, instance, step, environment } = work;
  const { execution } = frame;
  const inputs = evaluateInputs(instance.file, action, scopeOf(frame, environment), step);
  const inner: Inner = {
    hasFailed: false,
    frame: {
      execution,
      steps: {},
      inputs: Object.fromEntries(inputs),
      environment: new Map([...frame.environment, ...ownEnvironment(work)]),
      github: { ...frame.github, action: instance.contextName, action_path: action.folder },
      parent: step,
      // The action's own steps decide; only that the job is cancelled comes from outside.
      status: () =>
        execution.status === 'cancelled' ? 'cancelled' : inner.hasFailed ? 'failure' : 'success',
      fail: () => (inner.hasFailed = true),
      posts: inners.get(instance)?.frame.posts ?? [],
    },
  };
  inners.set(instance, inner);
  return inner;
}

/** The step's own `env:` is its inner steps' too. */
function ownEnvironment({ instance, environment }: Work): [string, string][] {
  const { env } = instance.file;
  const names = typeof env === 'object' ? Object.keys(env) : [];
  return names.map((name) => [name, environment.get(name) ?? '']);
}

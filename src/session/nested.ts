// `run` inside a session: the guest asks its host for a session of its own kind, never wider than itself.
// Invariant: the child's policy lies within the parent's, whatever text the guest sends; depth and number are limited; what the
// child is denied or sends out counts as the parent's, too.

import type { Duplex } from 'node:stream';
import { SandboxError, messageOf } from '../model/error.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { renderDiagnostics } from '../policy/diagnostic.ts';
import { narrowPolicy } from '../source/narrow.ts';
import { attachProcess } from './attach.ts';
import { firstRequest, parseSpec } from './control.ts';
import { FRAME, FrameParser, encodeJson } from './control-protocol.ts';
import type { ParentSession, SessionPlan } from './plan.ts';
import type { Session } from './session.ts';

/** sessions within sessions */
const MAX_DEPTH = 2;
/** children of one session at once */
const MAX_CHILDREN = 4;
/** bytes of a policy text */
const MAX_POLICY = 256 * 1024;

export interface NestedOptions {
  plan: SessionPlan;
  /** the session that is asked, as its children's parent */
  own: Omit<ParentSession, 'depth'>;
  start: (plan: SessionPlan) => Promise<Session>;
}

export interface NestedSessions {
  serve(stream: Duplex): void;
  /** ends every child */
  close(): Promise<void>;
}

export function createNestedSessions(options: NestedOptions): NestedSessions {
  const children = new Set<Session>();
  let starting = 0;
  let isClosed = false;

  async function serve(stream: Duplex): Promise<void> {
    const frames = new FrameParser();
    frames.on('error', () => stream.destroy());
    stream.on('error', () => frames.destroy());
    stream.pipe(frames);
    const request = await firstRequest(frames);
    if (request['op'] !== 'run') throw refused('only `run` can be asked of the host');
    const depth = (options.plan.parent?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH) throw refused(`sessions may be nested ${MAX_DEPTH} deep`);
    if (children.size + starting >= MAX_CHILDREN)
      throw refused(`a session may have ${MAX_CHILDREN} children at once`);
    const spec = parseSpec(request);
    const text = request['policy'];
    if (text !== undefined && (typeof text !== 'string' || text.length > MAX_POLICY))
      throw refused('expected a policy text');
    starting += 1;
    let child: Session;
    try {
      child = await options.start({
        ...options.plan,
        policy: narrow(options.plan, text),
        command: spec.argv,
        parent: { ...options.own, depth },
        onProgress: () => undefined,
      });
    } finally {
      starting -= 1;
    }
    children.add(child);
    void child.ended.then(() => children.delete(child));
    stream.once('close', () => void child.stop('stopped', 'the parent command went away'));
    if (isClosed) await child.stop('stopped');
    const started = await child.start(spec);
    if (started.kind === 'denied') {
      stream.end(encodeJson(FRAME.failure, { denied: started.decision, path: started.path }));
    } else {
      await attachProcess(stream, frames, started.process);
    }
    await child.stop('finished');
  }

  return {
    serve: (stream) => {
      serve(stream).catch((error: unknown) => {
        if (!stream.destroyed && stream.writable)
          stream.end(encodeJson(FRAME.failure, { message: messageOf(error) }));
      });
    },
    close: async () => {
      isClosed = true;
      await Promise.all(
        [...children].map((child) => child.stop('stopped', 'the parent session ended')),
      );
    },
  };
}

function narrow(plan: SessionPlan, text: string | undefined): EffectivePolicy {
  const { policy, diagnostics, texts } = narrowPolicy(
    plan.policy,
    text,
    plan.packageRoot,
    plan.hostEnvironment,
  );
  if (policy === undefined) throw refused(renderDiagnostics(diagnostics, texts));
  return policy;
}

function refused(message: string): SandboxError {
  return new SandboxError({ kind: 'usage', code: 'SESSION_NESTED_REFUSED', message });
}

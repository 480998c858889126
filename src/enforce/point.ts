// The one way from a request to an effect: decide, record, and only then answer. Invariant: no verdict allows what is not
// on record, and whatever goes wrong on the way is a denial. Works in any thread: give it a log attached there and the
// counters of the other points.

import type { Decision } from '../model/decision.ts';
import { SandboxError } from '../model/error.ts';
import type { DecisionEvent, EventLog, LifecycleEvent, MessageFacts } from '../model/event.ts';
import type { Agent } from '../model/identity.ts';
import type { Mode } from '../model/policy.ts';
import { surfaceOf, type Request } from '../model/request.ts';
import { formatRequest } from '../policy/request-syntax.ts';
import { createTally, type Counters } from './tally.ts';

export interface PointOptions {
  decide: (request: Request) => Decision;
  log: EventLog;
  mode: Mode;
  agent?: Agent;
  /** denials after which `onDenialLimit` is called */
  limits?: { denials?: number };
  /** shared by all points of a session, see `createCounters`; its own when absent */
  counters?: SharedArrayBuffer;
  /** the session must stop: this point has seen the limit reached (called once) */
  onDenialLimit?: (denials: number) => void;
  /** the session must stop: the log cannot be written, and everything is denied from now on (called once) */
  onFailure?: (error: SandboxError) => void;
}

export interface AskOptions {
  /** who asks, where the point knows more than the session's command */
  agent?: Agent;
  /** a denial that the enforcement point found by itself (a hello that names another server); the rules are not asked */
  denial?: Decision;
  /** what stands on record in the place of a request and a reason that hold what may not; the rules judge the request */
  shown?: { request: Request; reason: string } | undefined;
  /** of a message between the agent and a tool server; each has a record of its own, never folded */
  mcp?: MessageFacts;
}

export interface Verdict {
  decision: Decision;
  /** whether to let it through: also true for a denial that audit mode only records */
  allowed: boolean;
}

export interface Point {
  ask(request: Request, options?: AskOptions): Verdict;
  /** Records how an allowed request went; false when it could not, and then everything is denied from now on. */
  append(event: LifecycleEvent): boolean;
  /** Writes what equal allows were folded; throws nothing. */
  flush(): void;
  counters(): Counters;
}

/** Equal allows remembered at once; the oldest is written out when there are more. */
const MAX_FOLDED = 4096;

interface Folded {
  event: DecisionEvent;
  repeats: number;
}

export function createPoint(options: PointOptions): Point {
  const { decide, log, mode, limits } = options;
  const tally = createTally(options.counters);
  const folded = new Map<string, Folded>();
  let failure: SandboxError | undefined;
  let isLimitKnown = false;

  function ask(
    request: Request,
    { agent = options.agent, denial, shown, mcp }: AskOptions = {},
  ): Verdict {
    if (failure) return refuse(failure.message);
    try {
      return judge(request, { agent, denial, shown, mcp });
    } catch (error) {
      fail(error);
      return refuse('the decision could not be recorded');
    }
  }

  function judge(
    request: Request,
    { agent, denial, shown, mcp }: { [K in keyof AskOptions]: AskOptions[K] | undefined },
  ): Verdict {
    // A folded allow writes nothing: it must not pass when another thread has found the log unwritable.
    if (log.isOpen === false)
      throw new SandboxError({
        kind: 'environment',
        code: 'LOG_UNWRITABLE',
        message: 'the decision log takes no more records',
      });
    const text = textOf(shown?.request ?? request);
    const decision = denial ? { ...denial, effect: 'deny' as const } : evaluate(request);
    const isDenied = decision.effect !== 'allow';
    const letThrough = isDenied && mode === 'audit' && mayAuditLetThrough(decision);
    const event: DecisionEvent = {
      type: 'decision',
      surface: surfaceOf(request),
      request: text,
      effect: isDenied ? 'deny' : 'allow',
      enforced: !letThrough,
      mode,
      rule: decision.rule,
      reason: shown?.reason ?? decision.reason,
      ...(agent && { agent }),
      ...(mcp && { mcp }),
    };
    if (isDenied || mcp !== undefined) log.append(event);
    else appendAllow(event);
    tally.add(isDenied ? (letThrough ? 'audited' : 'denied') : 'allowed');
    if (isDenied) watchLimit();
    return { decision, allowed: !isDenied || letThrough };
  }

  // A request that cannot even be judged is still put on record, as a denial.
  function evaluate(request: Request): Decision {
    try {
      return decide(request);
    } catch {
      return errorDecision('the policy could not judge this request');
    }
  }

  function appendAllow(event: DecisionEvent): void {
    const key = JSON.stringify([event.request, event.rule.id, event.agent]);
    const known = folded.get(key);
    if (known) {
      known.repeats += 1;
      return;
    }
    log.append(event);
    folded.set(key, { event, repeats: 0 });
    if (folded.size <= MAX_FOLDED) return;
    const [oldestKey, oldest] = folded.entries().next().value ?? [];
    if (oldestKey === undefined || !oldest) return;
    folded.delete(oldestKey);
    appendRepeats(oldest);
  }

  function appendRepeats(entry: Folded): void {
    const { event, repeats } = entry;
    if (repeats === 0) return;
    entry.repeats = 0;
    log.append(repeats === 1 ? event : { ...event, count: repeats });
  }

  function watchLimit(): void {
    const limit = limits?.denials;
    if (limit === undefined || isLimitKnown) return;
    const { denied } = tally.read();
    if (denied < limit) return;
    isLimitKnown = true;
    options.onDenialLimit?.(denied);
  }

  function fail(error: unknown): void {
    if (failure) return;
    failure =
      error instanceof SandboxError
        ? error
        : new SandboxError({
            kind: 'internal',
            code: 'POINT_FAILED',
            message: 'an enforcement point failed',
            cause: error,
          });
    try {
      options.onFailure?.(failure);
    } catch {
      // The listener's own fault must not turn this denial into an exception.
    }
  }

  return {
    ask,
    append: (event) => {
      if (failure) return false;
      try {
        log.append(event);
        return true;
      } catch (error) {
        fail(error);
        return false;
      }
    },
    flush: () => {
      if (failure) return;
      try {
        for (const entry of folded.values()) appendRepeats(entry);
      } catch (error) {
        fail(error);
      }
    },
    counters: () => tally.read(),
  };
}

function textOf(request: Request): string {
  try {
    // Values of arguments are never on record.
    return formatRequest(
      request.kind === 'tool' || request.kind === 'prompt'
        ? { ...request, arguments: undefined }
        : request,
    );
  } catch {
    return `${request.kind} (cannot be written)`;
  }
}

/** Whether a point in this mode would let it through. */
export function letsThrough(decision: Decision, mode: Mode): boolean {
  return decision.effect === 'allow' || (mode === 'audit' && mayAuditLetThrough(decision));
}

/** Audit mode lets through what no rule allowed and what a written rule denies, never what protects the host. */
function mayAuditLetThrough({ rule }: Decision): boolean {
  return rule.layer !== 'builtin' || rule.id === 'builtin/default';
}

function refuse(reason: string): Verdict {
  return { decision: errorDecision(reason), allowed: false };
}

function errorDecision(reason: string): Decision {
  const rule = { id: 'builtin/error', file: 'builtin', line: 0, layer: 'builtin' } as const;
  return { effect: 'deny', rule, reason, matched: [rule], isPrivate: false, isInspected: false };
}

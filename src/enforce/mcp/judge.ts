// How this folder asks and records: the rules, what they count, and denials that no rule can lift.
// Invariant: every message that is judged has one record, and what is denied is never sent.

import { createHmac } from 'node:crypto';

import type { JsonObject } from '../../model/credential.ts';
import type { Decision } from '../../model/decision.ts';
import type { MessageFacts } from '../../model/event.ts';
import type { Feature } from '../../model/mcp.ts';
import type { Request } from '../../model/request.ts';
import { type AskOptions, letsThrough, type Verdict } from '../point.ts';
import type { BudgetCheck, Overdrawn } from './budget.ts';
import { isObject } from './message/message.ts';
import type { Core, ServerState } from './state.ts';

/** Checks of the gateway itself; stand in records as `builtin/ID`. */
export type CheckId =
  | 'mcp-malformed'
  | 'mcp-unknown-method'
  | 'mcp-tasks'
  | 'mcp-unserved'
  | 'mcp-twin'
  | 'mcp-quarantined'
  | 'mcp-content'
  | 'mcp-concurrency'
  | 'mcp-unsolicited'
  | 'mcp-rounds'
  | 'mcp-input'
  | 'mcp-elicitation'
  | 'mcp-error'
  | BudgetCheck;

export interface Judged {
  allowed: boolean;
  decision: Decision;
  /** a limit is reached; in milliseconds, where it is known when there is room again */
  retryAfterMs?: number;
  isLimit?: boolean;
}

const MOST_NAMES = 64;

/** What is recorded of a message. */
export function factsOf(core: Core, method: string, params: JsonObject): MessageFacts {
  const text = JSON.stringify([method, params]);
  const digest = createHmac('sha256', core.options.digestKey).update(text).digest('hex');
  const { name } = core.options.content;
  const facts: MessageFacts = {
    method: name(method),
    digest: `hmac-sha256:${digest}`,
    bytes: Buffer.byteLength(text),
  };
  if (isObject(params['arguments']))
    facts.arguments = Object.keys(params['arguments']).slice(0, MOST_NAMES).map(name);
  return facts;
}

/** Decides, counts what rules count, and records. `pay`: for what is let through; a reason why it is not, all the same. */
export function ask(
  core: Core,
  request: Request,
  facts: MessageFacts,
  pay: (bytes: number) => Overdrawn | undefined = () => undefined,
): Judged {
  const { decide, quotas, mode } = core.options;
  const decided = decideSafely(decide, request);
  const over = decided?.effect === 'allow' ? quotas.take(decided.limits ?? []) : undefined;
  const rule = over?.rule ?? decided?.rule;
  const denial: Decision | undefined = over &&
    rule && { ...plainDenial(over.reason), rule, matched: [rule] };
  // What audit mode lets through is paid for as well.
  const isGoing = decided !== undefined && letsThrough(denial ?? decided, mode);
  const overdrawn = isGoing ? pay(facts.bytes) : undefined;
  if (overdrawn !== undefined) return refuseOverdrawn(core, request, overdrawn, facts);
  if (denial === undefined || decided === undefined) return record(core, request, { mcp: facts });
  const { allowed, decision } = record(core, request, { denial, mcp: facts });
  return {
    allowed,
    decision: allowed ? { ...decided, ...decision } : decision,
    isLimit: true,
    ...(over?.retryAfterMs !== undefined && { retryAfterMs: over.retryAfterMs }),
  };
}

/** The same for what goes to this server when it is allowed. */
export function askToSend(
  core: Core,
  server: ServerState,
  request: Request,
  facts: MessageFacts,
): Judged {
  return ask(core, request, facts, (bytes) => {
    const over = core.budget.send(bytes);
    if (over !== undefined) return over;
    const reason = server.spend?.(bytes);
    return reason === undefined ? undefined : { check: 'mcp-egress', reason };
  });
}

/** Records that there is no room left for it. */
export function refuseOverdrawn(
  core: Core,
  request: Request,
  { check, reason }: Overdrawn,
  facts: MessageFacts,
): Judged {
  return { ...refuse(core, request, check, reason, facts), isLimit: true };
}

/** Records a denial that no rule can lift, also in audit mode. */
export function refuse(
  core: Core,
  request: Request,
  check: CheckId,
  reason: string,
  facts: MessageFacts,
): Judged {
  const denial = { ...plainDenial(reason), ...ruleOf(check) };
  return record(core, request, { denial, mcp: facts });
}

/** The request as it may be shown, where it is not as it was written: a name in it holds a secret. */
export function withoutSecret(core: Core, request: Request): Request | undefined {
  const { name } = core.options.content;
  switch (request.kind) {
    case 'tool':
    case 'prompt': {
      const own = request.kind === 'tool' ? request.tool : request.name;
      const args = isPlainObject(request.arguments) ? Object.keys(request.arguments) : [];
      const all = args.join('\n');
      if (name(own) === own && name(all) === all) return undefined;
      const { server } = request;
      return request.kind === 'tool'
        ? { kind: 'tool', server, tool: name(own) }
        : { kind: 'prompt', server, name: name(own) };
    }
    case 'resource':
      return name(request.uri) === request.uri ? undefined : { ...request, uri: name(request.uri) };
    case 'feature':
      return name(request.name) === request.name
        ? undefined
        : { ...request, name: name(request.name) };
    default:
      return undefined;
  }
}

/** The one way to the record: reasons may say names as well, so with a secret in one none is said. */
function record(
  core: Core,
  request: Request,
  options: Pick<AskOptions, 'denial' | 'mcp'>,
): Verdict {
  const hidden = withoutSecret(core, request);
  if (hidden === undefined) return core.options.point.ask(request, options);
  const shown = { request: hidden, reason: 'a name in it holds a secret' };
  const { allowed, decision } = core.options.point.ask(request, { ...options, shown });
  return { allowed, decision: { ...decision, reason: shown.reason } };
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null;

/** Whether the agent may know that there is such a thing. */
export function isListed(core: Core, request: Request): boolean {
  const decision = decideSafely(core.options.decide, request);
  return decision !== undefined && letsThrough(decision, core.options.mode);
}

export function isFeatureOpen(core: Core, server: string, feature: Feature): boolean {
  return isListed(core, { kind: 'feature', server, name: feature });
}

function decideSafely(
  decide: (request: Request) => Decision,
  request: Request,
): Decision | undefined {
  try {
    return decide(request);
  } catch {
    // The point asks again, and denies.
    return undefined;
  }
}

function ruleOf(check: CheckId): Pick<Decision, 'rule' | 'matched'> {
  const rule = { id: `builtin/${check}`, file: 'builtin', line: 0, layer: 'builtin' } as const;
  return { rule, matched: [rule] };
}

function plainDenial(reason: string): Decision {
  return {
    effect: 'deny',
    ...ruleOf('mcp-error'),
    reason,
    isPrivate: false,
    isInspected: false,
  };
}

// One call of the agent's, from the judgement to the answer: what was judged is what is sent, and what comes back is read before it is
// handed over.

import type { Json, JsonObject } from '../../model/credential.ts';
import type { Decision } from '../../model/decision.ts';
import type { Request } from '../../model/request.ts';
import type { ResultRule } from '../../model/mcp.ts';
import { denialAnswer, errorResult, type OwnAnswer, unknownAnswer } from './denial.ts';
import { carry, createExchange, giveUp } from './exchange.ts';
import { forgetAsked } from './features/notifications.ts';
import type { AgentStream } from './http/answer.ts';
import { readQuestions } from './input-required.ts';
import { callKey } from './rounds.ts';
import { readError } from './server-error.ts';
import { ask, askToSend, factsOf, isListed, refuse, refuseOverdrawn } from './judge.ts';
import { ensureFresh, nameOf, requestFor } from './lists.ts';
import { CODE, errorMessage, resultMessage } from './message/error.ts';
import { type Id, isObject } from './message/message.ts';
import { noteFindings, note, type Outcome, recordOutcome } from './note.ts';
import { withoutHiddenLinks } from './results.ts';
import type { Channel, Core, Reply, Wants } from './state.ts';
import { mayMatch } from './templates.ts';

export interface Call {
  id: Id;
  method: string;
  kind: 'tool' | 'prompt' | 'resource';
  by: 'name' | 'uri';
  /** canonical, with the part of `_meta` that goes on */
  params: JsonObject;
  wants: Wants;
  /** its name or URI as the agent wrote it, where that is not what the server calls it */
  shown?: string;
}

/** Judges, and sends or refuses. Answers on the stream, once. */
export async function call(
  core: Core,
  channel: Channel,
  one: Call,
  stream: AgentStream,
): Promise<void> {
  const { server, era } = channel;
  const { id, method, params } = one;
  const given = params[one.by];
  const name = typeof given === 'string' ? given : '';
  const own = ({ message, status }: OwnAnswer): void => stream.last(message, { status });
  const asker = { id, method, era };
  const request: Request =
    one.kind === 'tool'
      ? { kind: 'tool', server: server.id, tool: name, arguments: params['arguments'] ?? {} }
      : one.kind === 'prompt'
        ? { kind: 'prompt', server: server.id, name, arguments: params['arguments'] ?? {} }
        : requestFor(server.id, one.kind, name);
  const facts = factsOf(core, method, params);
  // Names of arguments are on record where they were read for secrets, and there are none in them.
  const { arguments: _, ...unread } = facts;

  // A name that the agent may not know of is one that does not exist, and nothing else is looked at.
  const fault =
    (await ensureFresh(core, channel, one.kind)) ??
    // What may be read depends on the patterns that it lies in, too.
    (one.kind === 'resource' ? await ensureFresh(core, channel, 'template') : undefined);
  if (fault !== undefined) {
    refuse(core, request, 'mcp-unserved', 'what the server offers is not known', unread);
    own({
      status: fault.status,
      message: errorMessage(id, {
        code: CODE.upstream,
        message:
          fault.isOurs === true
            ? fault.error.message
            : 'the tool server does not say what it offers',
      }),
    });
    return;
  }
  if (one.kind === 'tool' && !isListed(core, requestFor(server.id, 'tool', name))) {
    ask(core, request, unread);
    own(unknownAnswer(core, asker, one.shown ?? name));
    return;
  }
  if (!isServed(channel, core, one.kind, name)) {
    refuse(
      core,
      request,
      'mcp-unserved',
      'the server does not offer it, or not as it was reviewed',
      unread,
    );
    own(unknownAnswer(core, asker, one.shown ?? name));
    return;
  }

  const outgoing = core.options.content.outgoing(server.id, params);
  noteFindings(core, server.id, 'out', outgoing.findings);
  if (outgoing.action === 'block') {
    own(
      denialAnswer(
        core,
        request,
        refuse(core, request, 'mcp-content', outgoing.reason, unread),
        asker,
      ),
    );
    return;
  }
  const key = callKey(method, params);
  const unasked = server.rounds.check(key, params);
  if (unasked !== undefined) {
    refuse(core, request, 'mcp-rounds', unasked, facts);
    const message = `Invalid params: ${unasked}`;
    own({ status: 200, message: errorMessage(id, { code: CODE.params, message }) });
    return;
  }
  const waiting = new AbortController();
  stream.onGone(() => waiting.abort());
  const release = await server.slots.take(waiting.signal);
  if (release === undefined) {
    const full = refuse(
      core,
      request,
      'mcp-concurrency',
      'too many calls wait for this server',
      facts,
    );
    own(denialAnswer(core, request, { ...full, isLimit: true, retryAfterMs: 1000 }, asker));
    return;
  }
  // What was served when the call began to wait may have been quarantined since.
  const late = await ensureFresh(core, channel, one.kind);
  if (late !== undefined || !isServed(channel, core, one.kind, name)) {
    release();
    refuse(core, request, 'mcp-unserved', 'the server does not offer it any more', facts);
    own(unknownAnswer(core, asker, one.shown ?? name));
    return;
  }
  const judged = askToSend(core, server, request, facts);
  if (!judged.allowed) {
    release();
    own(denialAnswer(core, request, judged, asker));
    return;
  }
  const began = core.now();

  const exchange = createExchange(core, channel, {
    method,
    agentId: id,
    wants: one.wants,
    isPaid: true,
    isTimed: true,
    stream,
    answer: (reply) => {
      const over = reply.kind === 'error' ? reply.over : undefined;
      const ended =
        over === undefined
          ? finish(core, channel, one, judged.decision, reply, key)
          : overdrawn(
              denialAnswer(core, request, refuseOverdrawn(core, request, over, facts), asker),
            );
      const to = exchange.stream ?? stream;
      // A call that was cancelled gets no answer.
      if (exchange.end === 'cancelled') to.end(200);
      else to.last(ended.message, ended);
      forgetAsked(exchange);
      recordOutcome(core, {
        server: server.id,
        method,
        name,
        status:
          exchange.end === undefined || exchange.end === 'closed' ? ended.outcome : exchange.end,
        ms: core.now() - began,
        bytesOut: facts.bytes,
        bytesIn: reply.kind === 'result' ? reply.bytes : 0,
      });
    },
  });
  stream.onGone(() => {
    // A stream that can be resumed may be left and come back to.
    if (exchange.isResumable && channel.era === 'legacy') exchange.stream = undefined;
    else giveUp(core, exchange, 'cancelled');
  });
  if (stream.isOver) giveUp(core, exchange, 'cancelled');
  await carry(core, exchange, outgoing.value);
  // Closing a stream cancels in the modern era, and nothing says when the server has ended the work.
  if (exchange.end !== undefined && channel.era === 'modern')
    setTimeout(release, core.limits.grace).unref();
  else release();
}

function isServed(channel: Channel, core: Core, kind: Call['kind'], name: string): boolean {
  const { server } = channel;
  if (server.isQuarantined) return false;
  if (core.options.pins.isServed(server.id, kind, name)) return true;
  if (kind !== 'resource') return false;
  // Servers have more resources than they list. What they list, and what was reviewed, must be as it was.
  const { pins } = core.options;
  const { resource = [], template = [] } = pins.find(server.id)?.definitions ?? {};
  if (server.lists.resource.live.has(name)) return false;
  if (resource.some((one) => nameOf('resource', one) === name)) return false;
  return !template.some((one) => {
    const pattern = nameOf('template', one) ?? '';
    return !pins.isServed(server.id, 'template', pattern) && mayMatch(pattern, name);
  });
}

/** No answer came within the policy's limits. */
function overdrawn(answer: OwnAnswer): Ended {
  return { ...answer, asStream: false, outcome: 'limit' };
}

interface Ended {
  message: JsonObject;
  status: number;
  asStream: boolean;
  outcome: Outcome['status'];
}

/** The answer for the agent: content read, links judged, questions cut down to what may be asked. */
function finish(
  core: Core,
  channel: Channel,
  { id, method, params, kind, by }: Call,
  decision: Decision,
  reply: Reply,
  key: string,
): Ended {
  const { server, era } = channel;
  const asStream = reply.kind === 'result' && reply.asStream === true;
  const end = (message: JsonObject, outcome: Outcome['status'], status = 200): Ended => ({
    message,
    outcome,
    status,
    asStream: asStream && status === 200,
  });
  const fail = (outcome: Outcome['status'], text: string, code: number): Ended =>
    end(
      method === 'tools/call'
        ? resultMessage(id, errorResult(text, era))
        : errorMessage(id, { code, message: text }),
      outcome,
    );
  try {
    if (reply.kind === 'pending') return fail('upstream', 'the tool server ended', CODE.upstream);
    if (reply.kind === 'error') return failed(core, channel, id, reply, end);
    let { result } = reply;
    if (era === 'modern' || result['resultType'] !== undefined) {
      const type = result['resultType'] ?? 'complete';
      if (type === 'input_required' && era === 'modern') {
        const questions = readQuestions(core, server.id, result, channel.capabilities);
        const state = result['requestState'];
        const fault =
          questions.fault ??
          server.rounds.ask(key, params, typeof state === 'string' ? state : undefined);
        if (fault !== undefined) {
          note(core, server.id, `a question of the server was not passed on: ${fault}`);
          return end(
            errorMessage(id, {
              code: CODE.upstream,
              message: `the tool server asks back, and it is not passed on: ${fault}`,
            }),
            'upstream',
          );
        }
        result = questions.result ?? result;
      } else if (type !== 'complete') {
        note(core, server.id, 'a result of an unknown type');
        return end(
          errorMessage(id, {
            code: CODE.upstream,
            message: 'the result of the tool server is of an unknown type',
          }),
          'upstream',
        );
      } else server.rounds.done(key, params);
    }
    const rule: ResultRule & { outputSchema?: Json } = { ...decision.results };
    const name = params[by];
    const tool =
      kind === 'tool'
        ? core.options.pins.find(server.id)?.definitions.tool.find((one) => one['name'] === name)
        : undefined;
    if (tool?.['outputSchema'] !== undefined) rule.outputSchema = tool['outputSchema'];
    const state = result['requestState'];
    const reading = core.options.content.incoming(
      server.id,
      withoutHiddenLinks(core, server.id, result),
      rule,
    );
    noteFindings(core, server.id, 'in', reading.findings);
    if (reading.action === 'block') return fail('blocked', reading.reason, CODE.denied);
    const value = isObject(reading.value) ? reading.value : {};
    // The state means something to the server only as it gave it; one that may not be read so is not passed on.
    if (value['requestState'] !== state)
      return fail('blocked', 'result withheld: its state', CODE.denied);
    const outcome =
      value['resultType'] === 'input_required'
        ? 'input-required'
        : value['isError'] === true
          ? 'error'
          : 'ok';
    return end(resultMessage(id, value), outcome);
  } catch {
    return fail('upstream', 'the result could not be read', CODE.internal);
  }
}

/** An error of the server's, with its text read; or one of ours on its account. */
function failed(
  core: Core,
  { server, era }: Channel,
  id: Id,
  reply: Reply & { kind: 'error' },
  end: (message: JsonObject, outcome: Outcome['status'], status?: number) => Ended,
): Ended {
  if (reply.isOurs === true) return end(errorMessage(id, reply.error), 'upstream', reply.status);
  // A server over stdio has no status to say it with. https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
  const isHeld = era === 'modern' && reply.error.code === CODE.missingCapability;
  const status = isHeld && reply.status === 200 ? 400 : reply.status;
  return end(errorMessage(id, readError(core, server.id, reply.error)), 'error', status);
}

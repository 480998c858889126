// What an agent may ask besides tools, prompts and resources: completions, log levels and news of one resource. Each needs the rule for
// its feature, and what it names must be open as well.

import type { JsonObject } from '../../../model/credential.ts';
import type { Request } from '../../../model/request.ts';
import { readError } from '../server-error.ts';
import { denialAnswer, type OwnAnswer } from '../denial.ts';
import { request } from '../exchange.ts';
import { ask, askToSend, factsOf, isListed, refuse, refuseOverdrawn } from '../judge.ts';
import { ensureFresh, requestFor } from '../lists.ts';
import { CODE, errorMessage, resultMessage } from '../message/error.ts';
import { type Id, isObject } from '../message/message.ts';
import { noteFindings, recordOutcome } from '../note.ts';
import type { Channel, Core } from '../state.ts';

/** `completion/complete` */
export async function completion(
  core: Core,
  channel: Channel,
  id: Id,
  params: JsonObject,
): Promise<OwnAnswer> {
  const reference = isObject(params['ref']) ? params['ref'] : {};
  const { name, uri } = reference;
  const target =
    typeof name === 'string'
      ? requestFor(channel.server.id, 'prompt', name)
      : // A pattern; it can be completed where it is shown.
        undefined;
  const fault = await ensureFresh(core, channel, typeof name === 'string' ? 'prompt' : 'template');
  const isKnown =
    typeof name === 'string'
      ? core.options.pins.isServed(channel.server.id, 'prompt', name)
      : typeof uri === 'string' &&
        core.options.isTemplateOpen(channel.server.id, uri) &&
        core.options.pins.isServed(channel.server.id, 'template', uri);
  return relay(core, channel, id, 'completion/complete', params, {
    feature: 'completions',
    target,
    isKnown: fault === undefined && isKnown && !channel.server.isQuarantined,
  });
}

/** `logging/setLevel` */
export function logLevel(
  core: Core,
  channel: Channel,
  id: Id,
  params: JsonObject,
): Promise<OwnAnswer> {
  return relay(core, channel, id, 'logging/setLevel', params, {
    feature: 'logging',
    isKnown: !channel.server.isQuarantined,
  });
}

/** `resources/subscribe` and `resources/unsubscribe` */
export function subscription(
  core: Core,
  channel: Channel,
  id: Id,
  method: string,
  params: JsonObject,
): Promise<OwnAnswer> {
  const uri = typeof params['uri'] === 'string' ? params['uri'] : '';
  return relay(core, channel, id, method, params, {
    feature: 'subscriptions',
    target: { kind: 'resource', server: channel.server.id, uri },
    isKnown: !channel.server.isQuarantined,
  });
}

interface Needs {
  feature: string;
  /** what must be open besides the feature */
  target?: Request | undefined;
  /** whether the server offers what is named */
  isKnown?: boolean;
}

async function relay(
  core: Core,
  channel: Channel,
  id: Id,
  method: string,
  params: JsonObject,
  { feature, target, isKnown = true }: Needs,
): Promise<OwnAnswer> {
  const own = (message: JsonObject, status: number = 200): OwnAnswer => ({ message, status });
  const { server, era } = channel;
  const facts = factsOf(core, method, params);
  const asked: Request = { kind: 'feature', server: server.id, name: feature };
  const asker = { id, method, era };
  const isTargetOpen = target === undefined || isListed(core, target);
  const judged = isTargetOpen ? askToSend(core, server, asked, facts) : ask(core, target, facts);
  if (!judged.allowed || !isTargetOpen) {
    return denialAnswer(core, isTargetOpen ? asked : target, judged, asker);
  }
  if (!isKnown) {
    return own(
      errorMessage(id, {
        code: CODE.params,
        message: 'Invalid params: the server does not offer it',
      }),
    );
  }
  const outgoing = core.options.content.outgoing(server.id, params);
  noteFindings(core, server.id, 'out', outgoing.findings);
  if (outgoing.action === 'block') {
    const denied = refuse(core, asked, 'mcp-content', outgoing.reason, facts);
    return denialAnswer(core, asked, denied, asker);
  }
  const began = core.now();
  const reply = await request(core, channel, method, outgoing.value, core.limits.idle, {
    isPaid: true,
    isTimed: true,
  });
  const isResult = reply.kind === 'result';
  recordOutcome(core, {
    server: server.id,
    method,
    status: isResult ? 'ok' : 'error',
    ms: core.now() - began,
    bytesOut: facts.bytes,
    bytesIn: isResult ? reply.bytes : 0,
  });
  if (reply.kind === 'pending') {
    return own(errorMessage(id, { code: CODE.upstream, message: 'the tool server ended' }));
  }
  if (reply.kind === 'error' && reply.over !== undefined)
    return denialAnswer(core, asked, refuseOverdrawn(core, asked, reply.over, facts), asker);
  if (reply.kind === 'error') {
    const error = reply.isOurs === true ? reply.error : readError(core, server.id, reply.error);
    return own(errorMessage(id, error), reply.status);
  }
  const reading = core.options.content.incoming(
    server.id,
    reply.result,
    judged.decision.results ?? {},
  );
  noteFindings(core, server.id, 'in', reading.findings);
  if (reading.action === 'block' || !isObject(reading.value))
    return own(errorMessage(id, { code: CODE.denied, message: 'the result was withheld' }));
  return own(resultMessage(id, reading.value));
}

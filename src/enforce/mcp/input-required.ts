// What a server may ask back instead of an answer (2026-07-28).
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr

import type { JsonObject } from '../../model/credential.ts';
import { narrowedSampling, readElicitation } from './features/requests.ts';
import { SERVER_REQUESTS } from './message/methods.ts';
import { isObject } from './message/message.ts';
import type { Core } from './state.ts';

/** The questions as the agent may get them, or why it may get none. */
export function readQuestions(
  core: Core,
  server: string,
  result: JsonObject,
  capabilities: JsonObject,
): { result: JsonObject; fault?: never } | { fault: string; result?: never } {
  const { inputRequests, requestState } = result;
  if (requestState !== undefined && typeof requestState !== 'string')
    return { fault: 'the state is not a text' };
  if ((requestState?.length ?? 0) > core.limits.state) return { fault: 'the state is too long' };
  if (inputRequests === undefined)
    return requestState === undefined ? { fault: 'it asks for nothing' } : { result };
  if (!isObject(inputRequests)) return { fault: 'its questions are malformed' };
  const entries = Object.entries(inputRequests);
  if (entries.length > core.limits.inputs) return { fault: 'it asks too much at once' };
  const questions: JsonObject = {};
  for (const [key, question] of entries) {
    if (!isObject(question) || typeof question['method'] !== 'string')
      return { fault: 'its questions are malformed' };
    const { method, params } = question;
    const feature = SERVER_REQUESTS.get(method);
    // What is closed by rule was never declared, so that one look says both.
    if (feature === undefined || !isObject(capabilities[feature]))
      return { fault: 'it asks for what the client did not offer' };
    const given = isObject(params) ? params : {};
    if (feature === 'elicitation') {
      const question = readElicitation(core, server, given);
      if (question.fault !== undefined) return { fault: question.fault };
      questions[key] = { method, params: question.params };
    } else if (feature === 'sampling') questions[key] = { method, params: narrowedSampling(given) };
    else questions[key] = params === undefined ? { method } : { method, params: given };
  }
  return { result: { ...result, inputRequests: questions } };
}

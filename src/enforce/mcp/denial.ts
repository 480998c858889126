// What the agent gets instead of an answer, in the form that its client shows to the model.

import type { JsonObject } from '../../model/credential.ts';
import type { Request } from '../../model/request.ts';
import { escapeText } from '../../policy/request-syntax.ts';
import { type Judged, withoutSecret } from './judge.ts';
import type { Era } from './message/era.ts';
import { CODE, errorMessage, resultMessage } from './message/error.ts';
import type { Id } from './message/message.ts';
import type { Core } from './state.ts';

/** One answer of the gateway's own. `status`: of HTTP where it is the whole answer. */
export interface OwnAnswer {
  status: number;
  message: JsonObject;
}

export const DECISION_KEY = 'agent-sandbox/decision';

/** Rule, place and remedy of a denial. */
export function denialText(core: Core, request: Request, judged: Judged): string {
  const { decision, retryAfterMs } = judged;
  const { rule } = decision;
  const place = rule.line === 0 ? '' : ` (${rule.file}:${rule.line})`;
  const retry = retryAfterMs === undefined ? '' : ` Try again in ${retryAfterMs} ms.`;
  const edit = judged.isLimit === true ? '' : editFor(core, request, judged);
  return escapeLines(
    `denied by policy: ${rule.id}${place}: ${decision.reason}.${retry}${edit === '' ? '' : `\nTo allow it, ${edit}`}`,
  );
}

function editFor(core: Core, request: Request, { decision }: Judged): string {
  try {
    // What would be written into a policy is a name as it is.
    if (withoutSecret(core, request) !== undefined) return '';
    return core.options.edit?.(request, decision) ?? '';
  } catch {
    return '';
  }
}

/** Lines stay lines; nothing in them can move a cursor or hide. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n');
}

/** `tools/call` gets a result, which models read; all else an error. */
export function denialAnswer(
  core: Core,
  request: Request,
  judged: Judged,
  { id, method, era }: { id: Id; method: string; era: Era },
): OwnAnswer {
  const text = denialText(core, request, judged);
  const { rule } = judged.decision;
  const facts: JsonObject = { effect: 'deny', rule: rule.id, file: rule.file, line: rule.line };
  if (judged.retryAfterMs !== undefined) facts['retryAfterMs'] = judged.retryAfterMs;
  if (method === 'tools/call')
    return { status: 200, message: resultMessage(id, errorResult(text, era, facts)) };
  const code = judged.isLimit === true ? CODE.limit : CODE.denied;
  const data = { [DECISION_KEY]: facts };
  return {
    status: era === 'modern' ? 403 : 200,
    message: errorMessage(id, { code, message: text, data }),
  };
}

/** The result of a tool that failed. */
export function errorResult(text: string, era: Era, facts?: JsonObject): JsonObject {
  return {
    ...(era === 'modern' && { resultType: 'complete' }),
    content: [{ type: 'text', text }],
    isError: true,
    ...(facts && { _meta: { [DECISION_KEY]: facts } }),
  };
}

/** The answer for a name that does not exist, and for one that the agent may not know of. */
export function unknownAnswer(
  core: Core,
  { id, method, era }: { id: Id; method: string; era: Era },
  name: string,
): OwnAnswer {
  const shown = escapeText(core.options.content.name(name).slice(0, 256));
  const status = 200;
  if (method === 'resources/read') {
    const code = era === 'modern' ? CODE.params : CODE.resource;
    return {
      status,
      message: errorMessage(id, {
        code,
        message: `Resource not found: ${shown}`,
        data: { uri: shown },
      }),
    };
  }
  const what = method === 'prompts/get' ? 'prompt' : 'tool';
  return {
    status,
    message: errorMessage(id, { code: CODE.params, message: `Unknown ${what}: ${shown}` }),
  };
}

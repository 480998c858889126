// What a server may ask of the agent's side, once a rule has opened the feature: what of it goes on, and what does not.

import type { JsonObject } from '../../../model/credential.ts';
import { canonicalUrlPath } from '../../../match/url-path.ts';
import { canonicalHost } from '../../../policy/request-syntax.ts';
import { judgeElicitation } from '../content/elicitation.ts';
import { narrowSampling } from '../content/sampling.ts';
import { isListed } from '../judge.ts';
import type { Core } from '../state.ts';

const MOST_TOKENS = 32_768;
const MOST_MESSAGE = 16_384;

export function narrowedSampling(params: JsonObject): JsonObject {
  return narrowSampling(params, { maxTokens: MOST_TOKENS }).value;
}

/** The question as the user may have it, or why it may not be asked. */
export function readElicitation(
  core: Core,
  server: string,
  params: JsonObject,
): { params: JsonObject; fault?: undefined } | { fault: string } {
  const { mode = 'form', message, requestedSchema } = params;
  if (typeof message !== 'string' || message.length > MOST_MESSAGE)
    return { fault: 'the question is malformed' };
  if (mode !== 'url' && mode !== 'form') return { fault: 'the question is of an unknown kind' };
  if (mode === 'form' && requestedSchema === undefined)
    return { fault: 'the question is malformed' };
  const isAllowed = (url: URL): boolean => isAllowedUrl(core, url);
  const reading = judgeElicitation(params, { server, isAllowed });
  return reading.action === 'pass' ? { params: reading.value } : { fault: reading.reason };
}

/** The network's rules say where a user may be sent. */
function isAllowedUrl(core: Core, { hostname, port, pathname }: URL): boolean {
  const host = canonicalHost(hostname);
  const path = canonicalUrlPath(pathname);
  if (host === undefined || typeof path !== 'string') return false;
  const at = port === '' ? 443 : Number(port);
  return isListed(core, { kind: 'http', method: 'GET', scheme: 'https', host, port: at, path });
}

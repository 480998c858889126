// What client and server may say that they can do: what the gateway carries, and of that what rules allow. Tasks, extensions and
// experiments are never announced: nobody judges them.

import type { JsonObject } from '../../../model/credential.ts';
import type { Feature } from '../../../model/mcp.ts';
import { isObject } from './message.ts';

export type FeatureGate = (feature: Feature) => boolean;

/** What an agent says, as a server may hear it. */
export function clientCapabilities(said: JsonObject, isOpen: FeatureGate): JsonObject {
  const heard: JsonObject = {};
  // How to sample with tools is a way to call tools that no rule sees.
  if (isObject(said['sampling']) && isOpen('sampling')) heard['sampling'] = {};
  const { elicitation, roots } = said;
  if (isObject(elicitation) && isOpen('elicitation'))
    heard['elicitation'] = pick(elicitation, ['form', 'url']);
  if (isObject(roots) && isOpen('roots'))
    heard['roots'] = roots['listChanged'] === true ? { listChanged: true } : {};
  return heard;
}

/** What a server says, as the agent may hear it. */
export function serverCapabilities(said: JsonObject, isOpen: FeatureGate): JsonObject {
  const heard: JsonObject = {};
  for (const name of ['tools', 'prompts', 'resources'] as const) {
    const one = said[name];
    if (!isObject(one)) continue;
    const kept: JsonObject = {};
    if (one['listChanged'] === true) kept['listChanged'] = true;
    if (name === 'resources' && one['subscribe'] === true && isOpen('subscriptions'))
      kept['subscribe'] = true;
    heard[name] = kept;
  }
  if (isObject(said['logging']) && isOpen('logging')) heard['logging'] = {};
  if (isObject(said['completions']) && isOpen('completions')) heard['completions'] = {};
  return heard;
}

/** Name, title and version of a program, and nothing else that it says. */
export function implementationOf(said: unknown, fallback: string): JsonObject {
  const kept: JsonObject = { name: fallback, version: '0' };
  if (typeof said !== 'object' || said === null) return kept;
  for (const key of ['name', 'title', 'version'] as const) {
    const value: unknown = Reflect.get(said, key);
    if (typeof value === 'string' && value.length <= 256) kept[key] = value;
  }
  return kept;
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const key of keys) if (isObject(object[key])) picked[key] = {};
  return picked;
}

// What a server may ask of the agent's model: the text, and as many tokens as the policy gives. Not who the model is, what it
// remembers of other servers, and which tools it has.
// https://modelcontextprotocol.io/specification/2025-11-25/client/sampling

import type { JsonObject } from '../../../model/credential.ts';

export interface SamplingLimits {
  maxTokens: number;
  /** what passes; nothing unless said */
  systemPrompt?: boolean;
  includeContext?: boolean;
  tools?: boolean;
}

const ALWAYS = ['messages', 'modelPreferences', 'temperature', 'stopSequences'];

/** `params` of `sampling/createMessage`, and the names of what was taken out or lowered. */
export function narrowSampling(
  params: JsonObject,
  limits: SamplingLimits,
): { value: JsonObject; stripped: string[] } {
  const passed = new Set(ALWAYS);
  if (limits.systemPrompt === true) passed.add('systemPrompt');
  if (limits.includeContext === true) passed.add('includeContext');
  if (limits.tools === true) for (const name of ['tools', 'toolChoice']) passed.add(name);
  const value: JsonObject = {};
  const stripped: string[] = [];
  for (const [name, field] of Object.entries(params)) {
    if (name === 'maxTokens') continue;
    if (passed.has(name)) value[name] = field;
    else stripped.push(name);
  }
  const { maxTokens } = params;
  const isWithin =
    typeof maxTokens === 'number' &&
    Number.isInteger(maxTokens) &&
    maxTokens > 0 &&
    maxTokens <= limits.maxTokens;
  value.maxTokens = isWithin ? maxTokens : limits.maxTokens;
  if (!isWithin && maxTokens !== undefined) stripped.push('maxTokens');
  return { value, stripped: stripped.sort() };
}

// Sections that say nothing: what rules are added to.
import type { EffectivePolicy, Sections } from '../model/policy.ts';

export function noSections(): Sections {
  return {
    network: { allow: [], deny: [] },
    filesystem: { allow: [], deny: [] },
    execution: { allow: [], deny: [] },
    credentials: [],
    mcp: { servers: [], allow: [], deny: [], secrets: {}, limits: {} },
    narrows: [],
  };
}

/** Of a policy without tool servers: what stands where no layer says what is done with secrets. */
export const NO_SERVERS: EffectivePolicy['mcp'] = {
  servers: [],
  secrets: { arguments: 'block', results: 'redact' },
  limits: {},
};

// Whether a credential may be minted: one that the layers define and their ceilings leave.
import type { Decision } from '../model/decision.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import { referenceTo } from './compile.ts';

export function decideMint(policy: EffectivePolicy, id: string): Decision {
  const facts = { isPrivate: false, isInspected: false };
  const granted = policy.credentials.find((credential) => credential.id === id);
  if (granted !== undefined) {
    const rule = referenceTo(granted, { name: granted.layer });
    return {
      effect: 'allow',
      rule,
      reason: granted.reason ?? `allowed by ${rule.id}`,
      matched: [rule],
      ...facts,
    };
  }
  const clamp = policy.clamps.find(
    ({ rule }) => rule.id === id && rule.place.startsWith('credentials'),
  );
  const layer = policy.layers.find(({ name }) => clamp?.by === `${name}/max`);
  if (clamp !== undefined && layer !== undefined) {
    const { name, file, maxLine = 0 } = layer;
    const rule = { id: clamp.by, file, line: maxLine, layer: name };
    return { effect: 'deny', rule, reason: clamp.message, matched: [], ...facts };
  }
  const rule = { id: 'builtin/default', file: 'builtin', line: 0, layer: 'builtin' as const };
  return {
    effect: 'deny',
    rule,
    reason: 'no layer defines this credential',
    matched: [],
    ...facts,
  };
}

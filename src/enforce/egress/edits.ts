// The edits that denials are answered with. Invariant: whatever a guest asks, working them out takes a small share of the
// host's time: to find one, several policies are made and tried.

import type { EffectivePolicy } from '../../model/policy.ts';
import type { Request } from '../../model/request.ts';
import { explain } from '../../policy/explain.ts';
import { formatRequest } from '../../policy/request-syntax.ts';

/** edits kept at once */
const MAX_EDITS = 256;
/** of the time that passes, what may be used; and milliseconds of it that can be saved up */
const SHARE = 0.05;
const SAVED = 1000;
const LEFT_OUT =
  'too much is denied to work out an edit for each; `agent-sandbox policy explain` shows it';

/** Gives the smallest edit that would allow a denied request of the network, as text. `now` is in milliseconds. */
export function createEdits(
  policy: EffectivePolicy,
  now = (): number => performance.now(),
): (request: Request) => string {
  const edits = new Map<string, string>();
  let reduced: EffectivePolicy | undefined;
  let allowance = SAVED;
  let countedAt = now();

  return (request) => {
    const key = formatRequest(request);
    const known = edits.get(key);
    if (known !== undefined) return known;
    const startedAt = now();
    allowance = Math.min(SAVED, allowance + SHARE * (startedAt - countedAt));
    countedAt = startedAt;
    if (allowance <= 0) return LEFT_OUT;
    const { edit } = explain((reduced ??= ofNetwork(policy)), request);
    allowance -= now() - startedAt;
    if (edits.size >= MAX_EDITS) edits.clear();
    edits.set(key, edit);
    return edit;
  };
}

/** The rules of files and programs, by far the most, are of no account here. */
function ofNetwork(policy: EffectivePolicy): EffectivePolicy {
  const none = { filesystem: { allow: [], deny: [] }, execution: { allow: [], deny: [] } };
  return {
    ...policy,
    layers: policy.layers.map((layer) => ({
      ...layer,
      ...none,
      ...(layer.max !== undefined && { max: { ...layer.max, ...none } }),
    })),
    ...(policy.within !== undefined && { within: ofNetwork(policy.within) }),
  };
}

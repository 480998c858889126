// The answer to a request: an effect, the rule that decided, and where that rule was written.

import type { ResultRule } from './mcp.ts';
import type { LayerName, Rate } from './policy.ts';

export type Effect = 'allow' | 'deny';

/** The rule that decided, as it stands in records and messages. */
export interface RuleReference {
  /** `LAYER/ID`; an unnamed rule is called by its place, e.g. `repo/network.allow[2]`; `builtin/default` when no rule matched */
  id: string;
  /** policy file as the user named it, relative to the workspace where it lies inside; `builtin` for the builtin layer */
  file: string;
  /** line of the rule, from 1; 0 when there is none */
  line: number;
  layer: LayerName;
}

/** A rule that counts what it allows, in the allow lists of layers and of their ceilings. */
export interface RuleLimit {
  rule: RuleReference;
  limit?: Rate;
  /** bytes out */
  egress?: number;
  /** of rules that count some calls apart from others: the values they are told apart by, hashed or short */
  key?: string;
  /** 0: a rule of the policy asked; 1: of the policy it lies within, and so on */
  depth: number;
}

export interface Decision {
  effect: Effect;
  rule: RuleReference;
  /** one sentence for people: the rule's own `reason`, or why no rule allowed it */
  reason: string;
  /** all rules that matched, highest layer first, the deciding one included */
  matched: RuleReference[];
  /**
   * filesystem `write` only: the write is allowed, but to a copy that belongs to the session (`access: private`);
   * the host's file must never change
   */
  isPrivate: boolean;
  /**
   * `connect` only: the connection is allowed, but only with every HTTP request in it judged; TLS must be ended on the
   * host, and bytes that are no HTTP must not pass
   */
  isInspected: boolean;
  /**
   * network and mcp allows: the rules that count this request, all of which must have room for it. Whoever enforces the
   * decision counts; `decide` remembers nothing
   */
  limits?: readonly RuleLimit[];
  /** `tool`, `prompt` and `resource` allows only: what may come back, the strictest of all allows that matched */
  results?: ResultRule;
}

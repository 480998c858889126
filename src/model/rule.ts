// What all that is written in a policy has in common.

/**
 * A grant of the builtin layer that stands until layers state their own list for it; then what they state is what is left
 * of it: the workspace (`filesystem.allow`), and running what can be read (`execution.allow`).
 */
export type DefaultGrant = 'workspace' | 'execution';

/** What every written rule keeps: its name and where it was written. */
export interface RuleOrigin {
  /** the author's `id`, if any */
  id?: string;
  /** place in its document, from 0: `network.allow[2]`, `max.network.allow[0]` */
  place: string;
  file: string;
  line: number;
  column: number;
  reason?: string;
  /** builtin layer only: this grant stands until layers state their own list */
  default?: DefaultGrant;
}

/** So many times within any such time, or in the whole session. */
export interface Rate {
  count: number;
  per: 'session' | 'day' | 'hour' | 'minute';
}

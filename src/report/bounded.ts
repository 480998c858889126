// What keeps a report small whatever a guest does: texts and lists with caps. Invariant: every text of a report has gone
// through `visible`, so no reader has to escape control characters or bidi marks again.

import { toVisible } from '../log/redact.ts';

/** What most texts are, and what needs no change. */
const PLAIN = /^[\x20-\x7e]*$/;

/** The text as it may be shown, at most `max` UTF-16 units and a mark where it was cut; '' for what is no text. */
export function visible(value: unknown, max: number = 300): string {
  if (typeof value !== 'string') return '';
  if (value.length <= max && PLAIN.test(value)) return value;
  const { text, truncated } = toVisible(value, max);
  return truncated ? `${text}…` : text;
}

/** Entries by key, in order of appearance; those beyond `max` are only counted. */
export interface BoundedMap<V> {
  /** the entry, made where there is none and room for it; undefined where there is no room */
  get(key: string, make: () => V): V | undefined;
  values(): V[];
  /** how often there was no room */
  readonly omitted: number;
}

export function createBoundedMap<V>(max: number): BoundedMap<V> {
  const entries = new Map<string, V>();
  let omitted = 0;
  return {
    get(key, make) {
      const known = entries.get(key);
      if (known !== undefined) return known;
      if (entries.size >= max) {
        omitted += 1;
        return undefined;
      }
      const made = make();
      entries.set(key, made);
      return made;
    },
    values: () => [...entries.values()],
    get omitted() {
      return omitted;
    },
  };
}

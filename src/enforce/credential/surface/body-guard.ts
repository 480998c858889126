// Keeps placeholders from leaving in the body of a request. Invariant: no whole marker of a placeholder goes out before it is
// known that no placeholder follows it, however the body is cut into chunks. Memory: two kilobytes beside the chunk.

import { REACH_ESCAPED, REACH_PLAIN } from '../placeholder/detect.ts';
import type { Found, Placeholders } from '../placeholder/placeholders.ts';
import { hasEscapes } from '../placeholder/views.ts';

export interface BodyGuard {
  /**
   * What may go out now, or what was found: nothing of the body may go out from then on. Bytes are kept back only while
   * they end within what may become a placeholder, so that no message waits for the next.
   */
  push(chunk: Uint8Array): Buffer[] | Found[];
  /** the rest, at the body's end */
  end(): Buffer[];
  /** whether bytes are kept back */
  isHolding(): boolean;
}

export function isFound(outcome: Buffer[] | Found[]): outcome is Found[] {
  const [first] = outcome;
  return first !== undefined && !Buffer.isBuffer(first);
}

export function createBodyGuard(placeholders: Pick<Placeholders, 'examine'>): BodyGuard {
  /** the end of what was read: what a placeholder that is not yet whole could have begun in */
  let context: Buffer = Buffer.alloc(0);
  /** how many of its last bytes have not gone out */
  let held = 0;
  return {
    isHolding: () => held > 0,
    push: (chunk) => {
      if (chunk.length === 0) return [];
      const text = Buffer.concat([context, chunk]);
      const { found, isOpen } = placeholders.examine(text);
      if (found.length > 0) return found;
      const unsent = held + chunk.length;
      held = isOpen ? Math.min(unsent, REACH_ESCAPED) : 0;
      const end = text.length - held;
      const out = unsent > held ? [text.subarray(text.length - unsent, end)] : [];
      const tail = text.subarray(Math.max(0, text.length - REACH_ESCAPED));
      const kept = Math.max(held, hasEscapes(tail) ? REACH_ESCAPED : REACH_PLAIN);
      // A copy: what it is part of would stay in memory with it.
      context = Buffer.from(text.subarray(Math.max(0, text.length - kept)));
      return out;
    },
    end: () => {
      const out = held > 0 ? [context.subarray(context.length - held)] : [];
      held = 0;
      return out;
    },
  };
}

// What the header sections of requests that are not answered yet may take of the host's memory, all connections of a session
// together: a server that does not answer lets any number of them wait.

/** bytes */
const LIMIT = 32 * 1024 * 1024;
/** what a request takes beside its text */
const EACH = 1024;

export interface Held {
  /** One connection's requests; `close` gives back what they still hold. */
  share(): HeldShare;
}

export interface HeldShare {
  /** Takes room for a request; what comes back gives it back, once. Undefined where there is no room. */
  take(fields: readonly string[]): (() => void) | undefined;
  close(): void;
}

export const NO_ROOM = 'the requests of the session that wait for an answer take too much memory';

export function createHeld(limit = LIMIT): Held {
  let held = 0;
  return {
    share() {
      const open = new Set<() => void>();
      return {
        take(fields) {
          const size = fields.reduce((sum, field) => sum + field.length, EACH);
          if (held + size > limit) return undefined;
          held += size;
          const give = (): void => {
            if (open.delete(give)) held -= size;
          };
          open.add(give);
          return give;
        },
        close() {
          for (const give of open) give();
        },
      };
    },
  };
}

// The bytes that a session may still send out (`limits.egress`), those of the sessions it started included. Once too many were
// asked for, nothing more goes out.

export interface Budget {
  /** Takes bytes; a reason when they are more than what is left. */
  spend(bytes: number): string | undefined;
  exhausted(): string | undefined;
  spent(): number;
}

/** `outer`: of the session that asked for this one; whatever is spent here is spent there, too. */
export function createBudget(limit: number | undefined, outer?: Budget): Budget {
  let spent = 0;
  let reason: string | undefined;
  return {
    spend(bytes) {
      if (reason !== undefined) return reason;
      if (limit !== undefined && spent + bytes > limit) {
        reason = `the session may send ${limit} bytes out (limits.egress), and this would be more`;
        return reason;
      }
      reason = outer?.spend(bytes);
      if (reason !== undefined) return reason;
      spent += bytes;
      return undefined;
    },
    exhausted: () => reason ?? outer?.exhausted(),
    spent: () => spent,
  };
}

// How many calls a server has to bear at once. What is too much waits; what is far too much is refused.

export interface Slots {
  /** Resolves with the way to give the place back, once; with undefined where there is no place to wait, or the signal came first. */
  take(signal: AbortSignal): Promise<(() => void) | undefined>;
  /** places taken */
  taken(): number;
}

export function createSlots(concurrent: number, queue: number): Slots {
  const waiting = new Set<() => void>();
  let taken = 0;

  function place(): () => void {
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      const [next] = waiting;
      if (next === undefined) taken -= 1;
      else {
        waiting.delete(next);
        next();
      }
    };
  }

  return {
    take: (signal) => {
      if (signal.aborted) return Promise.resolve(undefined);
      if (taken < concurrent) {
        taken += 1;
        return Promise.resolve(place());
      }
      if (waiting.size >= queue) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const next = (): void => {
          signal.removeEventListener('abort', leave);
          resolve(place());
        };
        const leave = (): void => {
          waiting.delete(next);
          resolve(undefined);
        };
        signal.addEventListener('abort', leave, { once: true });
        waiting.add(next);
      });
    },
    taken: () => taken,
  };
}

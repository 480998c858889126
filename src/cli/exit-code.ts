// Exit codes of CONTRACT §2.

export const EXIT = {
  denied: 3,
  timedOut: 124,
  /** the sandbox could not start or failed */
  failed: 125,
  cannotExecute: 126,
  notFound: 127,
} as const;

/** A command that a signal ended. */
export function signalExit(signal: number): number {
  return 128 + signal;
}

// The one error class. A denial is a value, never one of these.

/** Who must act: the author of the policy, the caller, the owner of the machine, someone else's server, or us. */
export type ErrorKind = 'policy' | 'usage' | 'environment' | 'upstream' | 'internal';

export interface SandboxErrorOptions {
  kind: ErrorKind;
  /** stable name in upper case with the folder as prefix, e.g. `ENGINE_NO_QEMU`, `LOG_UNWRITABLE` */
  code: string;
  /** what was expected, what came, where; no secrets, lower-case start */
  message: string;
  /** what to do next, one sentence or command */
  hint?: string;
  cause?: unknown;
}

export class SandboxError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(options: SandboxErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SandboxError';
    this.kind = options.kind;
    this.code = options.code;
    this.hint = options.hint;
  }
}

/** The message of anything thrown, for use in another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

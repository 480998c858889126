// A fault in a text somebody wrote: data with a position, never an exception.

/** A half-open range in a source text; `line` and `column` count from 1, `offset` and `length` are UTF-16 units. */
export interface Span {
  line: number;
  column: number;
  offset: number;
  length: number;
}

export interface Diagnostic {
  /** stable name, e.g. `unknown-key`, `duplicate-key`, `not-enforced`, `exceeds-ceiling` */
  code: string;
  severity: 'error' | 'warning';
  file: string;
  span: Span;
  message: string;
  /** what to write instead */
  help?: string;
}

// A value that no log, report, error or dump may show. Invariant: it comes out through `reveal` and nowhere else.

const MASK = '***';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: for the request it is put into, and for what looks for it in answers. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  /** what `console.log` and `util.inspect` show; https://nodejs.org/api/util.html#utilinspectcustom */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}

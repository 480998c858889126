// Which numbers mean the same to every reader: those that come out of a double as they went in.

/** Digits that any double is told apart by from its neighbours. */
const EXACT_DIGITS = 17;

/**
 * Whether a reader with exact decimals, and one that reads what we write, both see `value`: integers digit for digit, fractions as
 * some printer of doubles writes them. Nothing overflows or vanishes.
 */
export function isExactNumber(token: string, value: number): boolean {
  // Up to 15 digits survive; only an exponent could do harm.
  if (token.length <= 15 && !/[eE]/.test(token)) return true;
  if (!Number.isFinite(value)) return false;
  if (!/[.eE]/.test(token)) return String(value) === token;
  const digits = digitsOf(token);
  if (value === 0) return digits === '';
  if (digits.length > EXACT_DIGITS) return false;
  return digitsOf(value.toPrecision(digits.length)) === digits;
}

/** The significant digits, zeros in front left out. */
function digitsOf(token: string): string {
  return (token.split(/[eE]/)[0] ?? '').replace(/[-.]/g, '').replace(/^0+/, '');
}

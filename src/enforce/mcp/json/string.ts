// One string of a JSON text: decoded, without control characters, without lone surrogates.

export interface StringReading {
  value: string;
  /** offset behind the closing quote */
  end: number;
}

const CONTROL = /[\u0000-\u001f]/;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const SHORT = 48;

/** Reads the string whose opening quote is at `start`. Bytes have been read as valid UTF-8: only escapes can be surrogates alone. */
export function readString(
  text: string,
  start: number,
  allowNul: boolean,
): StringReading | 'syntax' | 'lone surrogate' | 'nul' {
  let close = text.indexOf('"', start + 1);
  while (close >= 0 && isEscaped(text, start, close)) close = text.indexOf('"', close + 1);
  if (close < 0) return 'syntax';
  const end = close + 1;
  const raw = text.slice(start + 1, close);
  if (!raw.includes('\\')) return hasControl(raw) ? 'syntax' : { value: raw, end };
  let value: string;
  try {
    // One string and nothing else: the engine decodes escapes and refuses those that are none.
    value = JSON.parse(text.slice(start, end)) as string;
  } catch {
    return 'syntax';
  }
  if (!allowNul && value.includes('\0')) return 'nul';
  return raw.includes('\\u') && LONE.test(value) ? 'lone surrogate' : { value, end };
}

/** An odd number of backslashes stands in front of the quote at `at`. */
function isEscaped(text: string, start: number, at: number): boolean {
  let from = at;
  while (from - 1 > start && text.charCodeAt(from - 1) === 0x5c) from -= 1;
  return (at - from) % 2 === 1;
}

function hasControl(raw: string): boolean {
  if (raw.length > SHORT) return CONTROL.test(raw);
  for (let at = 0; at < raw.length; at++) if (raw.charCodeAt(at) < 0x20) return true;
  return false;
}

// Makes foreign text safe to keep and to show: no character that a terminal, a log viewer or a reader's eye would take for
// something else comes out raw, and nothing is longer than its cap. Invariant: the output has no control, format or
// separator character and no lone surrogate.

/** Longest text of one field, in UTF-16 units after escaping. */
export const MAX_TEXT = 8192;
/** All texts of one record together. */
export const MAX_RECORD_TEXT = 32768;
const MAX_KEY = 128;
const MAX_ITEMS = 256;
const MAX_DEPTH = 6;

const PLAIN = /^[\x20-\x7e]*$/;
const NO_ESCAPE = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/;
// Cc controls, Cf format (bidi, zero width, tags), Cs lone surrogates, Co private use, Zl and Zp line separators;
// the supplement of variation selectors can carry hidden text as well.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}]/u;
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'gu');

export interface Visible {
  text: string;
  truncated: boolean;
}

/** Replaces every unsafe character by a visible `\u{..}` and cuts at `max`, never inside an escape. */
export function toVisible(text: string, max: number = MAX_TEXT): Visible {
  if (text.length <= max && (PLAIN.test(text) || !UNSAFE.test(text)))
    return { text, truncated: false };
  // One unit never becomes less than one unit, so what lies beyond `max` can only be cut.
  const whole = text.length <= max;
  const head = whole ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, '');
  const escaped = head.replace(UNSAFE_ALL, escapeCharacter);
  if (escaped.length <= max && whole) return { text: escaped, truncated: false };
  return { text: cut(escaped, max), truncated: true };
}

/** One line for people or for a CI log: visible, and no part of it can be read as a workflow command. */
export function toMessage(text: string, max: number = MAX_TEXT): string {
  return neutralizeCommands(toVisible(text, max).text);
}

/**
 * Breaks `::name ...::`, `##[name]` and `##vso[`, which a CI runner obeys when a log line holds them. An IPv6 address
 * such as `::ffff:10.0.0.1` stays: no command has a name of four hexadecimal digits.
 */
export function neutralizeCommands(text: string): string {
  if (!text.includes('::') && !text.includes('##')) return text;
  return text
    .replace(/::(?=[a-z])(?![0-9a-f]{1,4}(?:[:.\]/,;)\s%]|$))/gi, '\\u{3a}\\u{3a}')
    .replace(/##(?=\[|vso\[)/gi, '\\u{23}#');
}

/** The JSON text of a record for one line of output: the same value, with nothing in it that a reader could obey. */
export function toJsonLine(json: string): string {
  const isSafe = PLAIN.test(json) || !UNSAFE.test(json);
  const escaped = isSafe ? json : json.replace(UNSAFE_ALL, escapeJson);
  return escaped.includes('##') ? escaped.replace(/##(?=\[|vso\[)/gi, '#\\u0023') : escaped;
}

/** How much text a record may still take, and whether something was left out. */
export interface Budget {
  left: number;
  truncated: boolean;
}

export function createBudget(): Budget {
  return { left: MAX_RECORD_TEXT, truncated: false };
}

/** JSON text of any value, every string visible and capped; undefined for what JSON cannot hold. */
export function toJson(value: unknown, budget: Budget, depth: number = 0): string | undefined {
  switch (typeof value) {
    case 'string':
      return quote(takeText(value, MAX_TEXT, budget));
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `"${value}"`;
    case 'object':
      if (value === null) return 'null';
      if (depth >= MAX_DEPTH) return leaveOut(budget);
      return Array.isArray(value)
        ? toJsonList(value, budget, depth)
        : toJsonObject(value, budget, depth);
    default:
      return undefined;
  }
}

function toJsonList(list: unknown[], budget: Budget, depth: number): string {
  if (list.length > MAX_ITEMS) budget.truncated = true;
  const items = list.slice(0, MAX_ITEMS).map((item) => toJson(item, budget, depth + 1) ?? 'null');
  return `[${items.join(',')}]`;
}

function toJsonObject(object: object, budget: Budget, depth: number): string {
  let text = '';
  let taken = 0;
  for (const key of Object.keys(object)) {
    const value = toJson(Reflect.get(object, key), budget, depth + 1);
    if (value === undefined) continue;
    if (++taken > MAX_ITEMS) {
      budget.truncated = true;
      break;
    }
    text += `${text === '' ? '' : ','}${quote(takeText(key, MAX_KEY, budget))}:${value}`;
  }
  return `{${text}}`;
}

// Most texts need no escape: a test is cheaper than JSON.stringify.
function quote(text: string): string {
  return NO_ESCAPE.test(text) ? `"${text}"` : JSON.stringify(text);
}

function takeText(text: string, max: number, budget: Budget): string {
  const visible = toVisible(text, Math.min(max, budget.left));
  budget.left -= visible.text.length;
  budget.truncated ||= visible.truncated;
  return visible.text;
}

function leaveOut(budget: Budget): undefined {
  budget.truncated = true;
  return undefined;
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

// Only for JSON.stringify's text: there such a character can stand in a string alone.
function escapeJson(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'));
  return units.map((unit) => `\\u${unit}`).join('');
}

function cut(text: string, max: number): string {
  const head = text.slice(0, max);
  // A pair or an escape that the cut went through goes as a whole.
  return head.replace(/[\ud800-\udbff]$|\\(?:u(?:\{[0-9a-f]{0,6})?)?$/, '');
}

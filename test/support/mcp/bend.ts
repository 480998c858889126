// Messages written in ways that readers of JSON take differently: keys twice, in other cases, escaped; values of other types and
// numbers of other forms; pieces split off and put elsewhere.
import type { Json, JsonObject } from '../../../src/model/credential.ts';
import type { Random } from '../random.ts';

const OTHERS: readonly [string, ...string[]] = [
  'null',
  '0',
  '"danger"',
  '[]',
  '{}',
  'true',
  '"/etc/passwd"',
  '{"text":"other"}',
];
const NUMBERS: readonly [string, ...string[]] = [
  '1.0',
  '1e0',
  '-0',
  '0.1e1',
  '12345678901234567890',
  '1e400',
  '9007199254740993',
  '1E2',
  '01',
  '.5',
  '0x10',
];
const KEYS: readonly [string, ...string[]] = [
  '__proto__',
  'constructor',
  'Name',
  'ARGUMENTS',
  'params',
  'method',
  'task',
  'argument\u017f',
];

/** The message as text, bent in up to three places; often it is still JSON. */
export function bend(random: Random, message: Json): string {
  const left = { bends: random.below(4) };
  const whole = write(random, message, left, 0);
  if (!random.chance(0.04)) return whole;
  // Two messages, or a part of one.
  const at = random.below(whole.length);
  return random.chance(0.5)
    ? whole + whole
    : whole.slice(0, at) + random.pick(OTHERS) + whole.slice(at);
}

function write(random: Random, value: Json, left: { bends: number }, depth: number): string {
  if (depth > 1 && left.bends > 0 && random.chance(0.06)) {
    left.bends--;
    return random.pick(OTHERS);
  }
  if (Array.isArray(value))
    return `[${value.map((one) => write(random, one, left, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && value !== null) return writeObject(random, value, left, depth);
  if (typeof value === 'number' && left.bends > 0 && random.chance(0.3)) {
    left.bends--;
    return random.pick(NUMBERS);
  }
  return typeof value === 'string' && random.chance(0.2)
    ? escaped(random, value)
    : JSON.stringify(value);
}

function writeObject(
  random: Random,
  object: JsonObject,
  left: { bends: number },
  depth: number,
): string {
  const members: string[] = [];
  for (const [key, value] of Object.entries(object)) {
    let name = JSON.stringify(key);
    const text = write(random, value, left, depth + 1);
    const other = (): string => (random.chance(0.5) ? text : random.pick(OTHERS));
    if (left.bends > 0 && random.chance(0.25)) {
      left.bends--;
      const kind = random.below(7);
      if (kind === 0) members.push(`${name}:${other()}`);
      else if (kind === 1) members.push(`${JSON.stringify(twin(random, key))}:${other()}`);
      else if (kind === 2) members.push(`${escaped(random, key)}:${other()}`);
      else if (kind === 3) name = escaped(random, key);
      else if (kind === 4) name = JSON.stringify(twin(random, key));
      else if (kind === 5) members.push(`${JSON.stringify(random.pick(KEYS))}:${other()}`);
      else if (text.startsWith('{') && text.length > 2) {
        // One object in two halves under the same key.
        const cut = text.indexOf(',');
        if (cut > 0) {
          members.push(`${name}:${text.slice(0, cut)}}`, `${name}:{${text.slice(cut + 1)}`);
          continue;
        }
      }
    }
    members.push(`${name}:${text}`);
  }
  if (random.chance(0.1)) members.reverse();
  const space = random.chance(0.1) ? '\r\n\t ' : '';
  return `{${space}${members.join(`,${space}`)}${space}}`;
}

function twin(random: Random, key: string): string {
  const at = random.below(Math.max(1, key.length));
  const letter = key[at] ?? '';
  const other = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase();
  return random.chance(0.2)
    ? key.replace(/s/, '\u017f').replace(/k/, '\u212a')
    : key.slice(0, at) + other + key.slice(at + 1);
}

/** Some of its letters as `\u` escapes: the same text. */
function escaped(random: Random, text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => {
    const unit = text.charCodeAt(at);
    return random.chance(0.3)
      ? `\\u${unit.toString(16).padStart(4, '0')}`
      : JSON.stringify(text[at]).slice(1, -1);
  });
  return `"${units.join('')}"`;
}

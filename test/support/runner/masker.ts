// Values that must not be seen in a log (SecretMasker.cs, ValueEncoders.cs): each as it is, and in the encodings that the runner knows.
// What is derived in any other way is not masked, by the real one neither.

const LONE_SURROGATE = /[\ud800-\udfff]/gu;

export interface Masker {
  /** a value, and each of its lines; empty ones are ignored */
  add(value: string): void;
  /** each place of a secret becomes `***`; places that overlap or touch become one */
  mask(text: string): string;
  /** does it hold a secret? */
  has(text: string): boolean;
}

export function createMasker(): Masker {
  const values = new Set<string>();

  function addOne(value: string): void {
    if (value === '') return;
    for (const form of [value, ...encodings(value)]) if (form !== '') values.add(form);
  }

  return {
    add(value) {
      addOne(value);
      for (const line of value.split(/[\r\n]+/)) addOne(line);
    },
    mask(text) {
      const places = findPlaces(text, values);
      let masked = '';
      let at = 0;
      for (const [start, end] of places) {
        masked += `${text.slice(at, start)}***`;
        at = end;
      }
      return masked + text.slice(at);
    },
    has: (text) => [...values].some((value) => text.includes(value)),
  };
}

function findPlaces(text: string, values: ReadonlySet<string>): [number, number][] {
  const found: [number, number][] = [];
  for (const value of values)
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1))
      found.push([at, at + value.length]);
  found.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [start, end] of found) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function encodings(value: string): string[] {
  const bytes = Buffer.from(value);
  return [
    // Part of something longer that was encoded: what is before it may shift it by one byte or two.
    ...[0, 1, 2].map((shift) => base64Core(bytes.subarray(shift))),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.replace(LONE_SURROGATE, '\ufffd')),
    value.replaceAll("'", "''"),
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    value.length > 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : '',
  ];
}

/** What is the same whatever bytes come after. */
function base64Core(bytes: Buffer): string {
  return bytes.length === 0 ? '' : bytes.toString('base64').replace(/=+$/, '');
}

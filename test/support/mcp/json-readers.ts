// Three ways in which programs read JSON whose keys are not unique, from one grammar. None is that of the program under test.

/**
 * `v8`: the last of equal keys. `first`: the first of equal keys. `go`: the last of keys that are equal but for the case of letters,
 * under the name that was asked for: here that of the first of them, which a lenient decoder would fill again.
 */
export const READERS = ['v8', 'first', 'go'] as const;
export type Reader = (typeof READERS)[number];

/** Throws `SyntaxError` for what is no JSON. */
export function parseAs(reader: Reader, text: string): unknown {
  // What is JSON at all is settled by a reader that is strict in that.
  JSON.parse(text);
  let at = 0;
  const skip = (): void => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++;
  };
  const token = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ''] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  const string = (): string => JSON.parse(token(/"(?:[^"\\]|\\.)*"/y)) as string;

  function object(): Record<string, unknown> {
    const members = new Map<string, [string, unknown]>();
    at++;
    for (skip(); text[at] !== '}'; skip()) {
      if (text[at] === ',') {
        at++;
        skip();
      }
      const name = string();
      skip();
      at++;
      const one = value();
      const key = reader === 'go' ? foldCase(name) : name;
      const known = members.get(key);
      if (known === undefined) members.set(key, [name, one]);
      else if (reader !== 'first') members.set(key, [known[0], one]);
    }
    at++;
    return Object.fromEntries(members.values());
  }

  function list(): unknown[] {
    const items: unknown[] = [];
    at++;
    for (skip(); text[at] !== ']'; skip()) {
      if (text[at] === ',') at++;
      items.push(value());
    }
    at++;
    return items;
  }

  function value(): unknown {
    skip();
    if (text[at] === '{') return object();
    if (text[at] === '[') return list();
    if (text[at] === '"') return string();
    return JSON.parse(token(/[-+.\w]+/y));
  }

  return value();
}

/** As Go's encoding/json compares names: simple case folding, with the long s and the sign for kelvin. https://pkg.go.dev/encoding/json */
function foldCase(name: string): string {
  return name
    .replace(/\u017f/g, 's')
    .replace(/\u212a/g, 'k')
    .toLowerCase();
}

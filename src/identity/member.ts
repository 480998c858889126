// One member of the JSON object that a server answered with.

/** An own member only; undefined where the text is no JSON object or has none of that name. */
export function memberOf(body: string, name: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined; // The parser's message quotes the body.
  }
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

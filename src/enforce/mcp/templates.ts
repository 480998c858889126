// Which URIs a pattern of a server's may stand for.

const EXPRESSION = /\{[^{}]*\}/;

/**
 * Whether the URI lies within a template of RFC 6570, whatever its expressions come to: each is taken for any text. What is kept away
 * by it may be more than the server would make of the template, never less.
 */
export function mayMatch(template: string, uri: string): boolean {
  const literals = template.split(EXPRESSION);
  const first = literals[0] ?? '';
  if (literals.length === 1) return uri === first;
  const last = literals[literals.length - 1] ?? '';
  if (!uri.startsWith(first)) return false;
  let from = first.length;
  for (const literal of literals.slice(1, -1)) {
    const at = uri.indexOf(literal, from);
    if (at < 0) return false;
    from = at + literal.length;
  }
  return uri.length - last.length >= from && uri.endsWith(last);
}

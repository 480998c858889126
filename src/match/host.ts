// Host names and host patterns: one canonical form, and who matches whom. An address literal is never a name.

export type HostPattern =
  | { kind: 'exact'; name: string }
  /** `*.base`: exactly one label before `base` */
  | { kind: 'one'; base: string }
  /** `**.base`: one label or more; an empty `base` is any name */
  | { kind: 'many'; base: string };

const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const NUMERIC_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;
// What a URL parser would read as something other than a host, or quietly decode.
const FORBIDDEN = /[\s%/\\:@?#[\]<>^|`{}"'*\u0000-\u001f\u007f]/u;

/**
 * The canonical form of a host name: lower case, IDNA, without trailing dot. Undefined for what is no name: address
 * literals in any spelling, empty labels, names beyond DNS's lengths.
 */
export function canonicalName(text: string): string | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  const name = PLAIN.test(bare) && !bare.includes('xn--') ? bare : toAscii(bare);
  return name !== undefined && isCanonicalName(name) ? name : undefined;
}

const RESERVED = 'sandbox.internal';
/** The host's own loopback, seen from the guest. Only a rule with exactly this name allows it; a deny may be a pattern. */
export const HOST_NAME = `host.${RESERVED}`;
export const HOST_REASON = `a service on the host takes a rule that names ${HOST_NAME}; no pattern allows it`;
export const RESERVED_REASON = `of the names below ${RESERVED}, a rule may speak of ${HOST_NAME} alone`;

/** Names that belong to the sandbox itself, never leave it, and mean nothing to a rule: all but HOST_NAME. */
export function isReservedName(name: string): boolean {
  return (name === RESERVED || name.endsWith(`.${RESERVED}`)) && name !== HOST_NAME;
}

/** True for names in the form `canonicalName` gives. */
export function isCanonicalName(name: string): boolean {
  if (name.length === 0 || name.length > 253 || !PLAIN.test(name)) return false;
  const labels = name.split('.');
  // `127.1`, `0x7f000001`: a name that ends in a number is read as an address by most programs.
  return labels.every((label) => label.length <= 63) && !NUMERIC_LABEL.test(labels.at(-1) ?? '');
}

function toAscii(text: string): string | undefined {
  if (text.length === 0 || text.length > 1024 || FORBIDDEN.test(text)) return undefined;
  try {
    const host = new URL(`http://${text}/`).hostname;
    return host.endsWith('.') ? undefined : host;
  } catch {
    return undefined; // not a host by the URL standard: no canonical form
  }
}

/** Reads `x`, `*.x`, `**.x` and `**`; undefined when the text is no pattern. */
export function parseHostPattern(text: string): HostPattern | undefined {
  if (text === '**') return { kind: 'many', base: '' };
  const kind = text.startsWith('**.') ? 'many' : text.startsWith('*.') ? 'one' : 'exact';
  const name = canonicalName(kind === 'exact' ? text : text.slice(text.indexOf('.') + 1));
  if (name === undefined) return undefined;
  return kind === 'exact' ? { kind, name } : { kind, base: name };
}

export function formatHostPattern(pattern: HostPattern): string {
  if (pattern.kind === 'exact') return pattern.name;
  if (pattern.base === '') return '**';
  return `${pattern.kind === 'one' ? '*' : '**'}.${pattern.base}`;
}

/** Whether a canonical name matches. */
export function matchesHost(pattern: HostPattern, name: string): boolean {
  if (pattern.kind === 'exact') return pattern.name === name;
  if (pattern.base === '') return true;
  const cut = name.length - pattern.base.length - 1;
  if (cut < 1 || name[cut] !== '.' || !name.endsWith(pattern.base)) return false;
  return pattern.kind === 'many' || !name.slice(0, cut).includes('.');
}

/** Whether an allow of `outer` covers all that one of `inner` does: see HOST_NAME. */
export function containsAllowed(outer: HostPattern, inner: HostPattern): boolean {
  if (inner.kind === 'exact' && inner.name === HOST_NAME && outer.kind !== 'exact') return false;
  return containsHost(outer, inner);
}

/** Whether every name that `inner` matches is matched by `outer`. Exact, not an estimate. */
export function containsHost(outer: HostPattern, inner: HostPattern): boolean {
  if (inner.kind === 'exact') return matchesHost(outer, inner.name);
  if (outer.kind === 'exact') return false;
  if (outer.kind === 'one') return inner.kind === 'one' && inner.base === outer.base;
  return outer.base === '' || inner.base === outer.base || inner.base.endsWith(`.${outer.base}`);
}

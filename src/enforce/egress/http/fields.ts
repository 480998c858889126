// Header fields in the order they came, and which of them may cross.

/** `[name, value]`, names in lower case */
export type Fields = [name: string, value: string][];

/** About one connection, never about the message (RFC 9110 §7.6.1); `te` is said again where it holds. */
const HOP_BY_HOP = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]);
/** Servers that know these take another method or path than the one that was judged. */
export const METHOD_OVERRIDES: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
]);
export const PATH_OVERRIDES: ReadonlySet<string> = new Set(['x-original-url', 'x-rewrite-url']);
/** What says where a message goes, or where it ends. */
const FRAMING = new Set(['content-length', 'host', 'transfer-encoding']);
const NEVER_TRAILERS = new Set([
  'authorization',
  'content-length',
  'host',
  'trailer',
  ...METHOD_OVERRIDES,
  ...PATH_OVERRIDES,
]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** visible characters, space, tab and bytes above ASCII */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Node's flat list of raw headers. */
export function toFields(raw: readonly string[]): Fields {
  const fields: Fields = [];
  for (let at = 0; at + 1 < raw.length; at += 2)
    fields.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '']);
  return fields;
}

/** Node's object of headers; what it keeps under symbols and pseudo-headers are left out. */
export function fromObject(object: Readonly<Record<string, unknown>>): Fields {
  return Object.entries(object).flatMap(([name, value]): Fields => {
    if (name.startsWith(':') || value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((one) => [name.toLowerCase(), String(one)]);
  });
}

/** Fields of one name become one, as RFC 9110 §5.3 lets a proxy do; set-cookie may not be joined. */
export function toObject(fields: Fields): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null) as typeof object;
  for (const [name, value] of fields) {
    const known = object[name];
    if (name === 'set-cookie') object[name] = [...(known ?? []), value];
    else if (known === undefined) object[name] = value;
    else object[name] = `${String(known)}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return object;
}

export function toFlat(fields: Fields): string[] {
  const flat: string[] = [];
  for (const [name, value] of fields) flat.push(name, value);
  return flat;
}

export function valuesOf(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of fields) if (key === name) values.push(value);
  return values;
}

/** The members of a comma-separated field, in lower case. */
export function membersOf(fields: Fields, name: string): string[] {
  const values = valuesOf(fields, name);
  if (values.length === 0) return values;
  return values
    .flatMap((value) => value.split(','))
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '');
}

const NONE: ReadonlySet<string> = new Set();

/** What a message says end to end: without the fields of this hop, those it names in `Connection`, and those for proxies. */
export function endToEnd(fields: Fields): Fields {
  const members = membersOf(fields, 'connection');
  // A set: a hostile message names thousands.
  const named = members.length === 0 ? NONE : new Set(members);
  return fields.filter(
    ([name]) => !HOP_BY_HOP.has(name) && !named.has(name) && !name.startsWith('proxy-'),
  );
}

/** Why a field could be read in two ways; undefined when none can. */
export function faultOfFields(fields: Fields): string | undefined {
  for (const [name, value] of fields) {
    if (!TOKEN.test(name)) return 'a header name holds characters that no name may hold';
    if (name.includes('_') && FRAMING.has(plainName(name)))
      return `header ${name} is ${plainName(name)} to some servers and not to others`;
    if (!VALUE.test(value)) return `header ${name} holds control characters`;
  }
  return undefined;
}

/** The name as servers know it that hand headers on as variables (CGI, WSGI): to them `_` and `-` are the same. */
export function plainName(name: string): string {
  return name.replaceAll('_', '-');
}

/** Fields behind a body: never such as say how to read the message (RFC 9110 §6.5.1), and none at all where one is damaged. */
export function asTrailers(fields: Fields): Fields {
  if (faultOfFields(fields) !== undefined) return [];
  return endToEnd(fields).filter(([name]) => !NEVER_TRAILERS.has(plainName(name)));
}

export function bytesOf(fields: Fields): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

// The Basic scheme (RFC 7617).

export interface BasicPair {
  user: string;
  password: string;
  /** it would be written again just as it was */
  isCanonical: boolean;
}

/** undefined: another scheme, or text that is no base64 of a pair. */
export function readBasic(value: string): BasicPair | undefined {
  const coded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(value)?.[1];
  if (coded === undefined) return undefined;
  const bytes = Buffer.from(coded, 'base64');
  const pair = bytes.toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) return undefined;
  // Servers differ in how they read anything else.
  const isCanonical =
    value === `${value.slice(0, 5)} ${coded}` &&
    bytes.toString('base64') === coded &&
    Buffer.from(pair, 'utf8').equals(bytes);
  return { user: pair.slice(0, colon), password: pair.slice(colon + 1), isCanonical };
}

export function writeBasic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

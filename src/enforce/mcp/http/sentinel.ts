// Values of the body that stand in headers as well, in the form that 2026-07-28 gives them.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#value-encoding

const PREFIX = '=?base64?';
const SUFFIX = '?=';
/** visible ASCII, with spaces and tabs within */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

export function encodeValue(text: string): string {
  if (text === '' || (PLAIN.test(text) && !isSentinel(text))) return text;
  return `${PREFIX}${Buffer.from(text, 'utf8').toString('base64')}${SUFFIX}`;
}

/** The value that a header stands for; undefined for one that is malformed. */
export function decodeValue(header: string): string | undefined {
  if (!isSentinel(header)) return header === '' || PLAIN.test(header) ? header : undefined;
  const coded = header.slice(PREFIX.length, -SUFFIX.length);
  const bytes = Buffer.from(coded, 'base64');
  // One spelling for each value: what is decoded leniently would not come out as it went in.
  if (bytes.toString('base64') !== coded) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isSentinel(text: string): boolean {
  return (
    text.length >= PREFIX.length + SUFFIX.length && text.startsWith(PREFIX) && text.endsWith(SUFFIX)
  );
}

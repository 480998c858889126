// What a ClientHello says about its destination (RFC 8446 §4.1.2, RFC 6066 §3), and whether a ServerHello asks for another one.
// Invariant: a hello that two readers could understand differently is malformed; the name found is the only one in it.

const EXTENSION_SERVER_NAME = 0;
/** encrypted client hello and its drafts: the true name would be hidden */
const EXTENSIONS_ENCRYPTED_HELLO = new Set([
  0xfe08, 0xfe09, 0xfe0a, 0xfe0b, 0xfe0c, 0xfe0d, 0xffce,
]);
const NAME_TYPE_HOST = 0;
const MAX_SESSION_ID = 32;
const RANDOM = 32;

export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;

export interface ClientHello {
  /** as claimed, latin1; undefined without the extension */
  serverName: string | undefined;
  isEncrypted: boolean;
}

export type HelloResult = { ok: true; hello: ClientHello } | { ok: false; reason: string };

export function parseClientHello(body: Buffer): HelloResult {
  const bad = (reason: string): HelloResult => ({ ok: false, reason });
  if (body.length < 2 + RANDOM || body[0] !== 3) return bad('its version is unknown');
  const session = vector(body, 2 + RANDOM, 1);
  if (session === undefined || session.value.length > MAX_SESSION_ID)
    return bad('its session id is damaged');
  const suites = vector(body, session.end, 2);
  if (suites === undefined || suites.value.length < 2 || suites.value.length % 2 !== 0)
    return bad('its cipher suites are damaged');
  const compressions = vector(body, suites.end, 1);
  if (compressions === undefined || compressions.value.length === 0)
    return bad('its compression methods are damaged');
  if (compressions.end === body.length)
    return { ok: true, hello: { serverName: undefined, isEncrypted: false } };
  const extensions = vector(body, compressions.end, 2);
  if (extensions === undefined || extensions.end !== body.length)
    return bad('its extensions are damaged');
  return readExtensions(extensions.value);
}

function readExtensions(bytes: Buffer): HelloResult {
  const seen = new Set<number>();
  const hello: ClientHello = { serverName: undefined, isEncrypted: false };
  for (let at = 0; at < bytes.length;) {
    const extension = at + 2 <= bytes.length ? vector(bytes, at + 2, 2) : undefined;
    if (extension === undefined) return { ok: false, reason: 'an extension is cut off' };
    const type = bytes.readUInt16BE(at);
    if (seen.has(type)) return { ok: false, reason: 'an extension is there twice' };
    seen.add(type);
    if (EXTENSIONS_ENCRYPTED_HELLO.has(type)) hello.isEncrypted = true;
    if (type === EXTENSION_SERVER_NAME) {
      const name = readServerName(extension.value);
      if (name === undefined) return { ok: false, reason: 'its server name is damaged' };
      hello.serverName = name;
    }
    at = extension.end;
  }
  return { ok: true, hello };
}

/** The one host name in a server_name extension; a list of none or of several is damaged. */
function readServerName(bytes: Buffer): string | undefined {
  const list = vector(bytes, 0, 2);
  if (list === undefined || list.end !== bytes.length || list.value[0] !== NAME_TYPE_HOST)
    return undefined;
  const name = vector(list.value, 1, 2);
  if (name === undefined || name.end !== list.value.length || name.value.length === 0)
    return undefined;
  return name.value.toString('latin1');
}

/** A TLS vector: a length of `width` bytes at `at`, then as many bytes; undefined when it does not fit. */
function vector(
  bytes: Buffer,
  at: number,
  width: 1 | 2,
): { value: Buffer; end: number } | undefined {
  if (at + width > bytes.length) return undefined;
  const start = at + width;
  const end = start + bytes.readUIntBE(at, width);
  return end > bytes.length ? undefined : { value: bytes.subarray(start, end), end };
}

/** SHA-256 of "HelloRetryRequest": the random of a ServerHello that asks the client to say hello again (RFC 8446 §4.1.3). */
const RETRY_RANDOM = Buffer.from(
  'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c',
  'hex',
);
const SERVER_HELLO_HEAD = 2 + RANDOM;

/** True when the body of a ServerHello asks for a second ClientHello, which may name another server. */
export function asksForSecondHello(body: Buffer): boolean {
  return (
    body.length >= SERVER_HELLO_HEAD && body.subarray(2, SERVER_HELLO_HEAD).equals(RETRY_RANDOM)
  );
}

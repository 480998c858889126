// Plaintext TLS records (RFC 8446 §5.1) cut out of a byte stream, and handshake messages put together from them.
// Invariant: nothing is guessed; bytes that are no record, and a first message that is too long, end the reading.
//
//   record:    type u8 | version u16 | length u16 | fragment        handshake message: type u8 | length u24 | body

export const ContentType = {
  CHANGE_CIPHER_SPEC: 20,
  ALERT: 21,
  HANDSHAKE: 22,
  APPLICATION_DATA: 23,
} as const;

export const RECORD_HEADER = 5;
export const MESSAGE_HEADER = 4;
/** encrypted records may be this much longer than 2^14 (TLS 1.2) */
const MAX_EXPANSION = 2048;
const MAX_FRAGMENT = 2 ** 14;

export interface TlsRecord {
  type: number;
  fragment: Buffer;
  /** header and fragment */
  raw: Buffer;
}

export type RecordStep =
  { kind: 'more' } | { kind: 'record'; record: TlsRecord } | { kind: 'malformed'; reason: string };

/** The first record of `bytes`. */
export function readRecord(bytes: Buffer): RecordStep {
  if (bytes.length >= 2 && bytes[1] !== 3)
    return { kind: 'malformed', reason: 'a record of an unknown TLS version' };
  if (bytes.length < RECORD_HEADER) return { kind: 'more' };
  const type = bytes.readUInt8(0);
  const length = bytes.readUInt16BE(3);
  if (type < ContentType.CHANGE_CIPHER_SPEC || type > ContentType.APPLICATION_DATA) {
    return { kind: 'malformed', reason: `a record of the unknown type ${type}` };
  }
  const limit = type === ContentType.APPLICATION_DATA ? MAX_FRAGMENT + MAX_EXPANSION : MAX_FRAGMENT;
  if (length > limit) return { kind: 'malformed', reason: `a record of ${length} bytes` };
  if (length === 0) return { kind: 'malformed', reason: 'an empty record' };
  if (bytes.length < RECORD_HEADER + length) return { kind: 'more' };
  const raw = bytes.subarray(0, RECORD_HEADER + length);
  return { kind: 'record', record: { type, fragment: raw.subarray(RECORD_HEADER), raw } };
}

export type MessageStep =
  | { kind: 'more' }
  | {
      kind: 'message';
      type: number;
      body: Buffer;
      /** bytes of the stream that the message took */ consumed: number;
    }
  | { kind: 'malformed'; reason: string };

/** Puts the first handshake message of a stream together. Holds at most `limit` bytes of the stream. */
export interface MessageReader {
  push(chunk: Buffer): MessageStep;
  /** the bytes read so far */
  held(): Buffer;
}

/**
 * The message must start in the first record, lie in handshake records only, and end where a record ends: more bytes in
 * that record would be a second message, whose place no peer agrees on.
 */
export function createMessageReader(limit: number): MessageReader {
  let store: Buffer = Buffer.alloc(2048);
  let bytes: Buffer = store.subarray(0, 0);
  let at = 0;
  const fragments: Buffer[] = [];
  let size = 0;

  function next(): MessageStep {
    for (;;) {
      const step = readRecord(bytes.subarray(at));
      if (step.kind === 'more')
        return bytes.length > limit
          ? { kind: 'malformed', reason: `more than ${limit} bytes` }
          : step;
      if (step.kind === 'malformed') return step;
      const { type, fragment, raw } = step.record;
      if (type !== ContentType.HANDSHAKE)
        return {
          kind: 'malformed',
          reason: `a record of type ${type} before the end of the hello`,
        };
      at += raw.length;
      fragments.push(fragment);
      size += fragment.length;
      const whole = assemble();
      if (whole !== undefined) return whole;
    }
  }

  function assemble(): MessageStep | undefined {
    if (size < MESSAGE_HEADER) return undefined;
    const head = Buffer.concat(fragments.slice(0, MESSAGE_HEADER));
    const length = head.readUIntBE(1, 3);
    if (length > limit) return { kind: 'malformed', reason: `a hello of ${length} bytes` };
    if (size < MESSAGE_HEADER + length) return undefined;
    if (size > MESSAGE_HEADER + length)
      return { kind: 'malformed', reason: 'bytes behind the hello in its record' };
    const body = Buffer.concat(fragments).subarray(MESSAGE_HEADER);
    return { kind: 'message', type: head.readUInt8(0), body, consumed: at };
  }

  return {
    push(chunk) {
      // Doubled, not joined per chunk: a client that sends single bytes must not cost their number squared.
      const length = bytes.length + chunk.length;
      if (length > store.length) {
        const larger = Buffer.alloc(Math.max(length, store.length * 2));
        bytes.copy(larger);
        store = larger;
      }
      chunk.copy(store, bytes.length);
      bytes = store.subarray(0, length);
      return next();
    },
    held: () => bytes,
  };
}

/** Tells from a server's first bytes whether it asks the client for a second hello. */
export interface AnswerReader {
  push(chunk: Buffer): 'more' | 'retry' | 'final';
}

export function createAnswerReader(
  serverHello: number,
  asksForSecondHello: (body: Buffer) => boolean,
): AnswerReader {
  const needed = MESSAGE_HEADER + 34; // version and random
  let bytes: Buffer = Buffer.alloc(0);
  let message: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const step = readRecord(bytes);
        if (step.kind === 'more') return 'more';
        // Not TLS, or encrypted at once: no plain second hello can be expected by this server.
        if (step.kind === 'malformed' || step.record.type === ContentType.APPLICATION_DATA)
          return 'final';
        bytes = bytes.subarray(step.record.raw.length);
        // A warning (unrecognized_name) may come before the hello.
        if (step.record.type !== ContentType.HANDSHAKE) continue;
        message = Buffer.concat([message, step.record.fragment]);
        if (message[0] !== serverHello) return 'final';
        if (message.length >= needed)
          return asksForSecondHello(message.subarray(MESSAGE_HEADER)) ? 'retry' : 'final';
      }
    },
  };
}

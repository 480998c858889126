// DER, as much of it as a certificate takes (X.690). Certificate libraries load for 70 to 400 ms; this is all we need of them.
//
//   value: tag u8 | length (below 128: u8; else 0x80 + count u8, then the bytes) | content

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

export const sequence = (...parts: Buffer[]): Buffer => value(TAG.sequence, ...parts);
export const set = (...parts: Buffer[]): Buffer => value(TAG.set, ...parts);
export const octets = (content: Buffer): Buffer => value(TAG.octets, content);
export const text = (content: string): Buffer => value(TAG.text, Buffer.from(content));
export const isTrue = (): Buffer => value(TAG.boolean, Buffer.from([0xff]));

/** A non-negative integer, most significant byte first. */
export function integer(...bytes: number[]): Buffer {
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0;
  return value(TAG.integer, Buffer.from(isNegative ? [0, ...bytes] : bytes));
}

/** A bit string; `unused`: bits at the end that do not count. */
export function bits(content: Buffer, unused = 0): Buffer {
  return value(TAG.bits, Buffer.from([unused]), content);
}

/** An object identifier such as `2.5.29.17`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return value(TAG.oid, Buffer.from([first * 40 + second, ...bytes]));
}

/** Seconds of a date before 2050, as certificates write it: `YYMMDDHHMMSSZ`. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\D/g, '').slice(2, 14);
  return value(TAG.time, Buffer.from(`${digits}Z`));
}

/** `[number]` of a context; `constructed` when it holds whole values. */
export function context(number: number, constructed: boolean, ...parts: Buffer[]): Buffer {
  return value((constructed ? 0xa0 : 0x80) | number, ...parts);
}

function value(tag: number, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), ...parts]);
}

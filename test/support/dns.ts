// DNS messages written and read by hand, apart from the code under test.

export const EDNS = Buffer.from([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);

export interface QueryOptions {
  id?: number;
  flags?: number;
  counts?: [number, number, number, number];
  class?: number;
  additional?: Buffer;
}

export function dnsQuery(
  name: string | Buffer[],
  type: number,
  options: QueryOptions = {},
): Buffer {
  const labels =
    typeof name === 'string'
      ? name === ''
        ? []
        : name.split('.').map((label) => Buffer.from(label))
      : name;
  const counts = options.counts ?? [1, 0, 0, options.additional === undefined ? 0 : 1];
  const header = words(options.id ?? 7, options.flags ?? 0x0100, ...counts);
  const encoded = labels.flatMap((label) => [Buffer.from([label.length]), label]);
  return Buffer.concat([
    header,
    ...encoded,
    Buffer.from([0]),
    words(type, options.class ?? 1),
    options.additional ?? Buffer.alloc(0),
  ]);
}

function words(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => out.writeUInt16BE(value, index * 2));
  return out;
}

export interface ReadAnswer {
  id: number;
  isResponse: boolean;
  recursionAvailable: boolean;
  code: number;
  name: string;
  addresses: string[];
  /** RDATA of all answers */
  values: Buffer[];
  additionals: number;
}

/** Reads what `encodeDnsAnswer` writes; throws on anything else. */
export function readDnsAnswer(message: Buffer): ReadAnswer {
  const [id = 0, flags = 0, questions = 0, answers = 0, , additionals = 0] = [
    0, 2, 4, 6, 8, 10,
  ].map((at) => message.readUInt16BE(at));
  let at = 12;
  const labels: string[] = [];
  if (questions === 1) {
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    at += 5;
  }
  const values: Buffer[] = [];
  for (let index = 0; index < answers; index++) {
    if (message.readUInt16BE(at) !== 0xc00c)
      throw new Error('an answer that does not point at the question');
    const length = message.readUInt16BE(at + 10);
    values.push(message.subarray(at + 12, at + 12 + length));
    at += 12 + length;
  }
  at += additionals * 11;
  if (at !== message.length) throw new Error(`${message.length - at} bytes left over`);
  const addresses = values
    .filter((value) => value.length === 4)
    .map((value) => [...value].join('.'));
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    recursionAvailable: (flags & 0x80) !== 0,
    code: flags & 15,
    name: labels.join('.'),
    addresses,
    values,
    additionals,
  };
}

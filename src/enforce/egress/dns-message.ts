// One DNS question in, one answer out (RFC 1035 and 6891, the part that a stub resolver uses).
// Every byte is the guest's: what is not exactly one plain question is refused, and nothing here throws.
//
//   header: id u16 | flags u16 | QDCOUNT u16 | ANCOUNT u16 | NSCOUNT u16 | ARCOUNT u16
//   question: { length u8, label }* 0 | type u16 | class u16      additional: at most one OPT record

export const RecordType = { A: 1, PTR: 12, AAAA: 28, OPT: 41 } as const;
export const ResponseCode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
} as const;
export type ResponseCodeValue = (typeof ResponseCode)[keyof typeof ResponseCode];

const HEADER = 12;
const MAX_MESSAGE = 4096;
const MAX_LABEL = 63;
/** wire form with length bytes and root: 255, which is 253 in text */
const MAX_WIRE_NAME = 255;
const CLASS_IN = 1;
const QUERY_BIT = 0x8000;
const OPCODE_BITS = 0x7800;
const RECURSION_DESIRED = 0x0100;
const EDNS_PAYLOAD = 1232;

export interface DnsQuestion {
  id: number;
  recursionDesired: boolean;
  /** lower case, without trailing dot; bytes that are not letters, digits, `-` or `_` as `\DDD`; `.` for the root */
  name: string;
  type: number;
  edns: boolean;
  /** question section as it came: answers repeat its letter case */
  section: Buffer;
}

export type DnsQuery =
  { ok: true; question: DnsQuestion } | { ok: false; id: number; code: ResponseCodeValue };

export interface DnsAnswer {
  type: number;
  ttl: number;
  /** RDATA */
  value: Buffer;
}

export function parseDnsQuery(message: Buffer): DnsQuery {
  const id = message.length >= 2 ? message.readUInt16BE(0) : 0;
  const refuse = (code: ResponseCodeValue): DnsQuery => ({ ok: false, id, code });
  if (message.length < HEADER || message.length > MAX_MESSAGE) return refuse(ResponseCode.FORMERR);
  const flags = message.readUInt16BE(2);
  if ((flags & QUERY_BIT) !== 0) return refuse(ResponseCode.FORMERR);
  if ((flags & OPCODE_BITS) !== 0) return refuse(ResponseCode.NOTIMP);
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) =>
    message.readUInt16BE(at),
  );
  if (
    questions !== 1 ||
    answers !== 0 ||
    authorities !== 0 ||
    additionals === undefined ||
    additionals > 1
  ) {
    return refuse(ResponseCode.FORMERR);
  }
  const labels = readName(message, HEADER);
  if (labels === undefined) return refuse(ResponseCode.FORMERR);
  const afterName = HEADER + labels.reduce((sum, label) => sum + 1 + label.length, 1);
  const end = afterName + 4;
  if (end > message.length) return refuse(ResponseCode.FORMERR);
  if (message.readUInt16BE(afterName + 2) !== CLASS_IN) return refuse(ResponseCode.REFUSED);
  const expectedEnd = additionals === 0 ? end : endOfOpt(message, end);
  if (expectedEnd !== message.length) return refuse(ResponseCode.FORMERR);
  return {
    ok: true,
    question: {
      id,
      recursionDesired: (flags & RECURSION_DESIRED) !== 0,
      name: presentName(labels),
      type: message.readUInt16BE(afterName),
      edns: additionals === 1,
      section: message.subarray(HEADER, end),
    },
  };
}

/** The labels of an uncompressed name, or undefined. A compression pointer has no place in a first question. */
function readName(message: Buffer, start: number): Buffer[] | undefined {
  const labels: Buffer[] = [];
  let at = start;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > MAX_LABEL) return undefined;
    at += 1;
    if (length === 0) return labels;
    if (at + length >= message.length || at + length - start >= MAX_WIRE_NAME) return undefined;
    labels.push(message.subarray(at, at + length));
    at += length;
  }
}

/** Where an OPT record that starts at `at` ends, or undefined if there is no whole OPT record. */
function endOfOpt(message: Buffer, at: number): number | undefined {
  const fixed = 11; // root name, type, payload size, extended flags, length
  if (at + fixed > message.length) return undefined;
  if (message[at] !== 0 || message.readUInt16BE(at + 1) !== RecordType.OPT) return undefined;
  return at + fixed + message.readUInt16BE(at + 9);
}

function presentName(labels: Buffer[]): string {
  if (labels.length === 0) return '.';
  return labels.map((label) => Array.from(label, presentByte).join('')).join('.');
}

function presentByte(byte: number): string {
  const character = String.fromCharCode(byte).toLowerCase();
  return byte < 0x80 && /[a-z0-9_-]/.test(character)
    ? character
    : `\\${String(byte).padStart(3, '0')}`;
}

export function encodeDnsAnswer(
  question: DnsQuestion,
  code: ResponseCodeValue,
  answers: DnsAnswer[] = [],
): Buffer {
  const flags = QUERY_BIT | (question.recursionDesired ? RECURSION_DESIRED : 0) | 0x0080 | code;
  const parts = [
    header(question.id, flags, 1, answers.length, question.edns ? 1 : 0),
    question.section,
  ];
  for (const answer of answers) {
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc000 | HEADER, 0); // the name of the question
    fixed.writeUInt16BE(answer.type, 2);
    fixed.writeUInt16BE(CLASS_IN, 4);
    fixed.writeUInt32BE(answer.ttl, 6);
    fixed.writeUInt16BE(answer.value.length, 10);
    parts.push(fixed, answer.value);
  }
  if (question.edns) {
    const opt = Buffer.alloc(11);
    opt.writeUInt16BE(RecordType.OPT, 1);
    opt.writeUInt16BE(EDNS_PAYLOAD, 3);
    parts.push(opt);
  }
  return Buffer.concat(parts);
}

/** The answer to a message that is no question. */
export function encodeDnsRefusal(id: number, code: ResponseCodeValue): Buffer {
  return header(id, QUERY_BIT | 0x0080 | code, 0, 0, 0);
}

function header(
  id: number,
  flags: number,
  questions: number,
  answers: number,
  additionals: number,
): Buffer {
  const out = Buffer.alloc(HEADER);
  for (const [index, value] of [id, flags, questions, answers, 0, additionals].entries())
    out.writeUInt16BE(value, index * 2);
  return out;
}

/** RDATA of a name that has only plain labels. */
export function encodeName(name: string): Buffer {
  const parts = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'ascii')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** RDATA of an A record. */
export function encodeAddress(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

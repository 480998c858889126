// The forms in which a server may hand a value back that it was given.

export type Form = 'raw' | 'base64' | 'percent' | 'json' | 'hex' | 'html' | 'utf16';

export interface Encoded {
  form: Form;
  bytes: Buffer;
}

/** What stays as it is in percent-encoding, by who encodes: in a set of bytes. */
const KEPT: readonly RegExp[] = [
  /[A-Za-z0-9\-_.~!*'()]/, // encodeURIComponent
  /[A-Za-z0-9\-_.~]/, // RFC 3986 §2.3
  /[A-Za-z0-9\-_.~/]/, // one that is meant for paths: Python's quote
  /[A-Za-z0-9\-_.*]/, // application/x-www-form-urlencoded: the WHATWG's URL Standard §5.2
  /[A-Za-z0-9]/,
  /[^\s\S]/, // every byte is encoded
];
/** What JSON encoders write as \u00XX though RFC 8259 does not ask for it. */
const ESCAPED_BY_CHOICE: readonly RegExp[] = [
  /[<>&]/g, // Go's encoding/json, and Python's where it writes into HTML
  /[<>&'"]/g, // PHP with JSON_HEX_*
  /[<>&'"+`]/g, // .NET's System.Text.Json
];

/**
 * Every form of a value, without doubles; what equals the raw value is called `raw`. Base64, of both alphabets, stands for
 * all texts the value can be part of, such as `user:value`: for each of the three ways it can lie in groups of three bytes,
 * the characters that the value alone determines.
 */
export function encodingsOf(value: string): Encoded[] {
  const bytes = Buffer.from(value, 'utf8');
  const forms = new Map<string, Encoded>();
  const add = (form: Form, text: string, encoding: BufferEncoding = 'utf8'): void => {
    const encoded = Buffer.from(text, encoding);
    const key = encoded.toString('latin1');
    if (!forms.has(key)) forms.set(key, { form, bytes: encoded });
  };
  add('raw', value);
  for (const text of base64Of(bytes)) add('base64', text, 'latin1');
  for (const text of percentOf(bytes)) add('percent', text, 'latin1');
  for (const text of jsonOf(value)) add('json', text);
  for (const text of htmlOf(value)) add('html', text);
  const units = Buffer.from(value, 'utf16le');
  add('utf16', units.toString('latin1'), 'latin1');
  add('utf16', units.swap16().toString('latin1'), 'latin1');
  const hex = bytes.toString('hex');
  add('hex', hex);
  add('hex', hex.toUpperCase());
  return [...forms.values()];
}

/** As templates write into pages and XML: by name, by number, and with what only some of them escape. */
const IN_HTML: readonly RegExp[] = [/[&<>]/g, /[&<>"]/g, /[&<>"']/g, /[&<>"'+]/g, /[&<>"'`=/]/g];
const NAMES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };

function htmlOf(value: string): string[] {
  const codes: ((char: string) => string)[] = [
    (char) => `#${char.charCodeAt(0)}`,
    (char) => `#${String(char.charCodeAt(0)).padStart(3, '0')}`,
    (char) => `#x${char.charCodeAt(0).toString(16)}`,
    (char) => `#x${char.charCodeAt(0).toString(16).toUpperCase()}`,
  ];
  return IN_HTML.flatMap((escaped) =>
    codes.flatMap((code) => [
      value.replace(escaped, (char) => `&${NAMES[char] ?? code(char)};`),
      value.replace(
        escaped,
        (char) => `&${char === '"' ? code(char) : (NAMES[char] ?? code(char))};`,
      ),
    ]),
  );
}

function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil((before * 8) / 6);
    const end = Math.floor((shifted.length * 8) / 6);
    const standard = shifted.toString('base64').slice(first, end);
    return [standard, standard.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function percentOf(bytes: Buffer): string[] {
  return KEPT.flatMap((kept) => {
    const upper = percentEncode(bytes, kept, (hex) => hex.toUpperCase());
    const lower = percentEncode(bytes, kept, (hex) => hex);
    return [upper, lower, upper.replaceAll('%20', '+'), lower.replaceAll('%20', '+')];
  });
}

function percentEncode(bytes: Buffer, kept: RegExp, cased: (hex: string) => string): string {
  return [...bytes]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (byte < 0x80 && kept.test(character)) return character;
      return `%${cased(byte.toString(16).padStart(2, '0'))}`;
    })
    .join('');
}

function jsonOf(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const texts = [plain, unicodeEscaped(plain, /[^\x00-\x7f]/g)];
  // From the value, not from `plain`: a quote is escaped in one way or the other.
  for (const chosen of ESCAPED_BY_CHOICE)
    for (const cased of [lowerCase, upperCase])
      texts.push(
        value
          .split(new RegExp(`(${chosen.source})`))
          .map((part, index) =>
            index % 2 === 1
              ? unicodeEscaped(part, /[^]/g, cased)
              : JSON.stringify(part).slice(1, -1),
          )
          .join(''),
      );
  texts.push(...texts.map((text) => text.replaceAll('/', '\\/')));
  for (const cased of [lowerCase, upperCase]) texts.push(unicodeEscaped(value, /[^]/g, cased));
  return texts;
}

const lowerCase = (text: string): string => text;
const upperCase = (text: string): string => text.toUpperCase();

/** By UTF-16 units, as JSON has it (RFC 8259 §7). */
function unicodeEscaped(text: string, which: RegExp, cased = lowerCase): string {
  return text.replace(
    which,
    (unit) => `\\u${cased(unit.charCodeAt(0).toString(16).padStart(4, '0'))}`,
  );
}

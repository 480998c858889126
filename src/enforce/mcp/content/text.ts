// Takes out of a text what a reader does not see and a terminal or a model obeys: escape sequences, controls, bidi marks, tags,
// zero-width characters, long runs of marks. Invariant: the visible text stays as it is; emoji that are joined, and joiners
// that Arabic, Indic and South-East Asian scripts need, stay too.

/** One run: more than these no script stacks on one letter. */
const MOST_MARKS = 16;

// Controls but tab, line feed and carriage return; soft hyphen; fillers; zero-width and bidi; variation selectors; tags; lone surrogates.
const SUSPECT =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}\p{Cs}]|\u034f|[\u17b4-\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|\p{M}{17}/u;
/** ECMA-48: control sequences, strings (OSC, DCS, SOS, PM, APC) with their end, and every other escape. */
const ESCAPES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])(?:[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c))?|\x1b[ -/]{0,8}[0-~]?/g;
const SUSPECT_ALL = new RegExp(SUSPECT.source.replace('{17}', '{17,}'), 'gu');

const EMOJI_BEFORE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u20e3]$/u;
const PICTURE_NEXT = /^[\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
/** letters of scripts that are written with joiners, or without spaces between words */
const JOINING =
  /[\p{sc=Arab}\p{sc=Syrc}\p{sc=Nkoo}\p{sc=Mong}\p{sc=Adlm}\p{sc=Mand}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Laoo}\p{sc=Thai}\p{sc=Tibt}]$/u;
const IDEOGRAPH = /\p{sc=Han}$/u;
const SYMBOL = /[\p{Sm}\p{sc=Han}\p{sc=Phag}\p{sc=Mymr}]$/u;
const PICTURE = /\p{Emoji}$/u;
const IN_FLAG = /^[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{0,6}\u{e007f}/u;
const FLAG_BEFORE = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{0,6}$/u;

export type Stripped = 'terminal-escape' | 'control' | 'invisible-unicode' | 'bidi';

export interface Clean {
  text: string;
  stripped: Set<Stripped>;
}

/** Whether there is anything to look at closely. Cheap: for every text of every message. */
export function isSuspect(text: string, units?: Uint16Array): boolean {
  if (PLAIN.test(text)) return false;
  return units === undefined ? SUSPECT.test(text) : areSuspect(units);
}

const PLAIN = /^[\t\n\r\x20-\x7e]*$/;

/** by UTF-16 unit; made at the first text that is not plain */
let kinds: Uint8Array | undefined;
const [OTHER, STRANGE, MARK, HIGH, LOW] = [0, 1, 2, 3, 4];
/** The first half of all characters from U+E0000 to U+E0FFF, none of which is seen. */
const HIGH_OF_TAGS = [0xdb40, 0xdb41, 0xdb42, 0xdb43];

function kindsOfUnits(): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (let unit = 0; unit < 0x10000; unit++) {
    const character = String.fromCharCode(unit);
    if (unit >= 0xd800 && unit <= 0xdfff) table[unit] = unit < 0xdc00 ? HIGH : LOW;
    else if (SUSPECT.test(character)) table[unit] = STRANGE;
    else if (/\p{M}/u.test(character)) table[unit] = MARK;
  }
  for (const unit of HIGH_OF_TAGS) table[unit] = STRANGE;
  return table;
}

/** The same as `SUSPECT` says, but that marks beyond U+FFFF are not counted. */
function areSuspect(units: Uint16Array): boolean {
  const table = (kinds ??= kindsOfUnits());
  let marks = 0;
  let before = OTHER;
  for (let at = 0; at < units.length; at++) {
    const kind = table[units[at] as number] as number;
    if (kind === OTHER && before !== HIGH) {
      marks = 0;
      before = OTHER;
      continue;
    }
    if (kind === STRANGE || (kind === LOW) !== (before === HIGH)) return true;
    if (kind === MARK && ++marks > MOST_MARKS) return true;
    if (kind !== MARK) marks = 0;
    before = kind;
  }
  return before === HIGH;
}

export function cleanText(text: string): Clean {
  const stripped = new Set<Stripped>();
  if (!isSuspect(text)) return { text, stripped };
  const unescaped = text.replace(ESCAPES, () => {
    stripped.add('terminal-escape');
    return '';
  });
  const clean = unescaped.replace(SUSPECT_ALL, (found: string, at: number) => {
    if (found.length > MOST_MARKS) {
      stripped.add('invisible-unicode');
      return Array.from(found.slice(0, 2 * MOST_MARKS))
        .slice(0, MOST_MARKS)
        .join('');
    }
    // A line separator breaks lines where no reader of lines sees it.
    if (found === '\u2028' || found === '\u2029') return '\n';
    if (isWritten(found, unescaped, at)) return found;
    stripped.add(kindOf(found.codePointAt(0) ?? 0));
    return '';
  });
  return { text: clean, stripped };
}

function kindOf(code: number): Stripped {
  if (code === 0x1b || code === 0x90 || code === 0x98 || code === 0x9b) return 'terminal-escape';
  if (code >= 0x9d && code <= 0x9f) return 'terminal-escape';
  if (code <= 0x1f || (code >= 0x7f && code <= 0x9f)) return 'control';
  const isBidi =
    code === 0x061c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069);
  return isBidi ? 'bidi' : 'invisible-unicode';
}

/** No letter or picture that an invisible character is written with comes earlier; signs of ASCII are looked at where they count. */
const FIRST_WRITTEN = 0xa9;

/** Whether the visible characters beside an invisible one are written with it. Asked for each of a million of them. */
function isWritten(found: string, text: string, at: number): boolean {
  const code = found.codePointAt(0) ?? 0;
  const last = at === 0 ? 0 : text.charCodeAt(at - 1);
  const before = (): string => text.slice(Math.max(0, at - 16), at);
  const behind = (): string => text.slice(at + found.length, at + found.length + 16);
  const next = (): string => String.fromCodePoint(text.codePointAt(at + found.length) ?? 0x20);
  if (code >= 0x200b && code <= 0x200d) {
    // A run of them is written with nothing.
    if (last < FIRST_WRITTEN || (last >= 0x200b && last <= 0x200d)) return false;
    if (code === 0x200d && EMOJI_BEFORE.test(before()) && PICTURE_NEXT.test(behind())) return true;
    return JOINING.test(before()) && !isSuspect(next());
  }
  if (code >= 0x180b && code <= 0x180f) return /\p{sc=Mong}$/u.test(before());
  if (code === 0xfe0e || code === 0xfe0f) {
    if (/[0-9#*]/.test(String.fromCharCode(last))) return next() === '\u20e3';
    return last >= FIRST_WRITTEN && PICTURE.test(before());
  }
  if (code >= 0xfe00 && code <= 0xfe0d) return SYMBOL.test(before());
  if (code >= 0xe0100 && code <= 0xe01ef) return IDEOGRAPH.test(before());
  if (code >= 0xe0030 && code <= 0xe007f)
    return IN_FLAG.test(found + behind()) && FLAG_BEFORE.test(before());
  return false;
}

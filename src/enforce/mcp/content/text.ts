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
    if (found.length > MOST_MARKS && !isSuspectAlone(found)) {
      stripped.add('invisible-unicode');
      return Array.from(found).slice(0, MOST_MARKS).join('');
    }
    // A line separator breaks lines where no reader of lines sees it.
    if (found === '\u2028' || found === '\u2029') return '\n';
    const before = unescaped.slice(Math.max(0, at - 16), at);
    const behind = unescaped.slice(at + found.length, at + found.length + 16);
    if (isWritten(found, before, behind)) return found;
    stripped.add(kindOf(found));
    return '';
  });
  return { text: clean, stripped };
}

function isSuspectAlone(found: string): boolean {
  return Array.from(found).length === 1;
}

function kindOf(character: string): Stripped {
  if (/^[\x1b\x90\x98\x9b\x9d-\x9f]$/.test(character)) return 'terminal-escape';
  if (/^[\x00-\x1f\x7f-\x9f]$/.test(character)) return 'control';
  return /^[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]$/.test(character)
    ? 'bidi'
    : 'invisible-unicode';
}

/** Whether the visible characters beside an invisible one are written with it. */
function isWritten(found: string, before: string, behind: string): boolean {
  const next = String.fromCodePoint(behind.codePointAt(0) ?? 0x20);
  if (/^[\u200b-\u200d]$/.test(found)) {
    if (found === '\u200d' && EMOJI_BEFORE.test(before) && PICTURE_NEXT.test(behind)) return true;
    return JOINING.test(before) && !isSuspect(next);
  }
  if (/^[\u180b-\u180f]$/.test(found)) return /\p{sc=Mong}$/u.test(before);
  if (/^[\ufe0e\ufe0f]$/.test(found))
    return /[0-9#*]$/.test(before) ? next === '\u20e3' : PICTURE.test(before);
  if (/^[\ufe00-\ufe0d]$/.test(found)) return SYMBOL.test(before);
  if (/^[\u{e0100}-\u{e01ef}]$/u.test(found)) return IDEOGRAPH.test(before);
  if (/^[\u{e0030}-\u{e007f}]$/u.test(found))
    return FLAG_BEFORE.test(before) && IN_FLAG.test(found + behind);
  return false;
}

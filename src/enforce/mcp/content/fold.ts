// A text without what can be changed about it while it still says the same: only letters and digits, in lower case, with
// look-alikes as the letters they look like. What is spaced out, cut up, re-cased or written with other separators folds alike.
// So one search finds a value in all of these, and base64 of both alphabets, hexadecimal and percent-encoding are hardly more.

import { CONFUSABLES } from './confusables.ts';
import { unitsOf } from './units.ts';

/** by UTF-16 unit: the byte it becomes, 0 for what is left out */
const FOLDED = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(0x10000);
  const set = (character: string, to: string): void => {
    table[character.charCodeAt(0)] = to.charCodeAt(0);
  };
  for (const [letter, alike] of Object.entries(CONFUSABLES))
    for (const character of alike) set(character, letter);
  for (const letter of 'abcdefghijklmnopqrstuvwxyz0123456789') {
    set(letter, letter);
    set(letter.toUpperCase(), letter);
    // Full width forms lie 0xfee0 behind those of ASCII.
    for (const form of [letter, letter.toUpperCase()])
      set(String.fromCharCode(form.charCodeAt(0) + 0xfee0), letter);
  }
  return table;
}

/** ASCII, of their own memory. */
export function fold(text: string): Uint8Array {
  return foldUnits(unitsOf(text));
}

export function foldUnits(units: Uint16Array): Uint8Array {
  const { length } = units;
  const table = FOLDED;
  const bytes = new Uint8Array(length);
  let count = 0;
  for (let at = 0; at < length; at++) {
    const byte = table[units[at] as number] as number;
    bytes[count] = byte;
    if (byte !== 0) count++;
  }
  return bytes.subarray(0, count);
}

/** As text, for short ones. */
export function foldedText(text: string): string {
  return Buffer.from(fold(text)).toString('latin1');
}

/** For each folded byte, the index in the text of what it was. Only made where something was found. */
export function foldedPlaces(text: string): Uint32Array {
  const places = new Uint32Array(text.length);
  let count = 0;
  for (let at = 0; at < text.length; at++)
    if (FOLDED[text.charCodeAt(at)] !== 0) places[count++] = at;
  return places.subarray(0, count);
}

// The forms of a live value as they look once a text is folded.

import { encodingsOf } from '../../scan/encodings.ts';
import { fold } from './fold.ts';

/** Fewer folded characters than this turn up by chance. */
const SHORTEST = 8;
/** Of letters alone, such as words that stand beside one another in any text. */
const SHORTEST_OF_LETTERS = 16;

/** Distinct folded forms; empty where the value says too little once folded, and has to be looked for as it is. */
export function foldedForms(value: Buffer): Uint8Array[] {
  const raw = fold(value.toString('utf8'));
  const isWord = !raw.some((byte) => byte <= 0x39) && raw.length < SHORTEST_OF_LETTERS;
  if (raw.length < SHORTEST || isWord) return [];
  const text = value.toString('utf8');
  const forms = new Map<string, Uint8Array>();
  const add = (form: string): void => {
    const bytes = fold(form);
    if (bytes.length >= SHORTEST) forms.set(Buffer.from(bytes).toString('latin1'), bytes);
  };
  add(text);
  add(Array.from(text).reverse().join(''));
  for (const { bytes } of encodingsOf(text)) add(bytes.toString('latin1'));
  for (const wide of [Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()])
    for (const form of base64Alignments(wide)) add(form);
  for (const prefix of ['x', 'u00', '25', '2525'])
    add([...value].map((byte) => prefix + byte.toString(16).padStart(2, '0')).join(''));
  // Percent-encoding of percent-encoding, where only some characters need it.
  const once = encodeURIComponent(text);
  add(encodeURIComponent(once));
  add(encodeURIComponent(encodeURIComponent(once)));
  // Character references of HTML, by decimal number.
  add([...value].map((byte) => String(byte)).join(''));
  return [...forms.values()];
}

/** The forms of which pieces are looked for as well: those that somebody cuts by hand. */
export function piecedForms(value: Buffer): Uint8Array[] {
  if (foldedForms(value).length === 0) return [];
  const text = value.toString('utf8');
  const forms = [
    text,
    Array.from(text).reverse().join(''),
    ...base64Alignments(value),
    value.toString('hex'),
  ];
  return forms.map(fold);
}

/** What the value alone determines of base64 texts it is part of, for each of the three ways it can lie in them. */
function base64Alignments(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    const end = Math.floor((shifted.length * 8) / 6);
    return shifted.toString('base64').slice(Math.ceil((before * 8) / 6), end);
  });
}

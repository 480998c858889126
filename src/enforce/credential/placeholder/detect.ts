// Looks for bodies of placeholders in any bytes, however they are written. Invariant: linear in the bytes, whatever they hold.

import { createSearch } from '../../scan/search.ts';
import { BODY_LENGTH, MARKER, RANDOM_LENGTH } from './shape.ts';
import { LONGEST_ESCAPED, viewsOf } from './views.ts';
import type { Escape } from './views.ts';

/** How it was written: what has to be undone, in order, to read it. Empty: as it is. */
export type Encoding = readonly (Escape | 'base64')[];

export interface Sighting {
  /** in lower case */
  body: string;
  /** all in one case, as every placeholder is: letters of both are what chance makes of base64 text */
  isUniform: boolean;
  encoding: Encoding;
}

export interface Detection {
  /** each body once, as it takes least to read it; `MOST_SIGHTINGS` at most */
  sightings: Sighting[];
  /** the bytes end within what may become a body: its whole marker is there */
  isOpen: boolean;
}

export const MOST_SIGHTINGS = 16;
/** characters of base64 that hold a body, where it lies worst in its groups */
const LONGEST_BASE64 = Math.ceil(((2 + BODY_LENGTH) * 8) / 6);
/** Bytes before which nothing matters to a body that is not yet whole: without escapes, and with them. */
/** how far a body can go on from an escape, in a view in which it may be written with another */
const REACH_OF_ESCAPE = LONGEST_BASE64 * 6;
export const REACH_PLAIN = LONGEST_BASE64;
export const REACH_ESCAPED = LONGEST_BASE64 * LONGEST_ESCAPED;

/** The bytes end before it can be told. */
const OPEN = Symbol('open');

/** What gives a body away: the marker in any case, or what base64 makes of it. */
interface Anchor {
  bytes: Buffer;
  /** base64: bytes before the marker in its group of three */
  before?: number;
}

const ANCHORS: readonly Anchor[] = [
  ...casesOf(MARKER).map((text) => ({ bytes: Buffer.from(text) })),
  ...[MARKER, MARKER.toUpperCase()].flatMap((text) =>
    [0, 1, 2].map((before) => ({ bytes: base64Part(text, before), before })),
  ),
];
const SEARCH = createSearch(ANCHORS.map(({ bytes }) => bytes));

export function detect(bytes: Uint8Array): Detection {
  const sightings = new Map<string, Sighting>();
  let isOpen = false;
  for (const { bytes: view, escapes } of viewsOf(bytes, REACH_OF_ESCAPE))
    SEARCH.scan(view, 0, (index, end) => {
      const { before } = ANCHORS[index] as Anchor;
      const random = before === undefined ? readRaw(view, end) : readBase64(view, end, before);
      if (random === OPEN) isOpen = true;
      if (random === OPEN || random === undefined) return;
      const lower = random.toLowerCase();
      const body = MARKER + lower;
      const isUniform = random === lower || random === random.toUpperCase();
      const known = sightings.get(body);
      if (known !== undefined) known.isUniform ||= isUniform;
      else if (sightings.size < MOST_SIGHTINGS)
        sightings.set(body, {
          body,
          isUniform,
          encoding: before === undefined ? escapes : [...escapes, 'base64'],
        });
    });
  return { sightings: [...sightings.values()], isOpen };
}

/** What follows the marker, if it is all base32; `OPEN` when it is as far as it goes. */
function readRaw(view: Uint8Array, from: number): string | typeof OPEN | undefined {
  const end = from + RANDOM_LENGTH;
  for (let at = from; at < end; at++) {
    if (at >= view.length) return OPEN;
    if (!isBase32(view[at] as number)) return undefined;
  }
  return Buffer.from(view.subarray(from, end)).toString('latin1');
}

/** The same for the bytes that base64 text stands for; `end`: behind the anchor. */
function readBase64(
  view: Uint8Array,
  end: number,
  before: number,
): string | typeof OPEN | undefined {
  // The marker's own bits before its anchor are not looked at again: random bits begin `skip` bits into the anchor's last character.
  const known = Math.floor(((before + MARKER.length) * 8) / 6);
  let bits = (before + MARKER.length) * 8 - known * 6;
  let value = 0;
  let count = 0;
  let text = '';
  for (let at = end; text.length < RANDOM_LENGTH; at++) {
    if (at >= view.length) return OPEN;
    const digit = base64Digit(view[at] as number);
    if (digit < 0) return undefined;
    value = ((value << 6) | digit) & 0xffff;
    count += 6;
    // The end of the marker's last byte, if that lies in this character.
    count -= bits;
    bits = 0;
    if (count < 8) continue;
    count -= 8;
    const byte = (value >> count) & 0xff;
    if (!isBase32(byte)) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function isBase32(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x32 && byte <= 0x37);
}

/** Of either alphabet (RFC 4648 §4 and §5); -1 for any other byte. */
function base64Digit(byte: number): number {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x47;
  if (byte >= 0x30 && byte <= 0x39) return byte + 4;
  if (byte === 0x2b || byte === 0x2d) return 62;
  return byte === 0x2f || byte === 0x5f ? 63 : -1;
}

/** The characters that the text alone determines, when so many bytes stand before it in its group. */
function base64Part(text: string, before: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
  const end = Math.floor((bytes.length * 8) / 6);
  return Buffer.from(bytes.toString('base64').slice(Math.ceil((before * 8) / 6), end));
}

function casesOf(text: string): string[] {
  return [...text].reduce(
    (heads, letter) => heads.flatMap((head) => [head + letter, head + letter.toUpperCase()]),
    [''],
  );
}

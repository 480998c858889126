// The UTF-16 units of a text as numbers: one copy of memory, and every loop over them is a loop over a typed array.

export function unitsOf(text: string): Uint16Array {
  const bytes = Buffer.from(text, 'utf16le');
  // Of small texts the memory is shared with others, at an offset that is a multiple of eight.
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
}

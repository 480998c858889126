import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { TerminalFilter } from '../../src/cli/terminal-filter.ts';

function filter(...chunks: (string | Buffer)[]): string {
  const stream = new TerminalFilter();
  const out: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => out.push(chunk));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return Buffer.concat(out).toString('utf8');
}

describe('the terminal filter', () => {
  it('passes text, colours, cursor movement and UTF-8 as they are', () => {
    const text = 'grün \x1b[1;31mred\x1b[0m \x1b[2J\x1b[10;3H\x1b[?25l ✓ \u00e9\u00a9\r\n';
    expect(filter(text)).toBe(text);
  });

  it.each([
    ['clipboard (OSC 52)', '\x1b]52;c;cm0gLXJm\x07'],
    ['title (OSC 0)', '\x1b]0;pwn\x07'],
    ['title ended by ST', '\x1b]0;pwn\x1b\\'],
    ['link (OSC 8)', '\x1b]8;;https://evil.test\x1b\\'],
    ['DCS query', '\x1bP$qm\x1b\\'],
    ['APC', '\x1b_x\x1b\\'],
    ['PM', '\x1b^x\x1b\\'],
    ['SOS', '\x1bXx\x1b\\'],
    ['8-bit OSC in UTF-8', '\u009d0;pwn\x07'],
    ['8-bit CSI query in UTF-8', '\u009b6n'],
    ['cursor position report', '\x1b[6n'],
    ['device attributes', '\x1b[c'],
    ['secondary attributes', '\x1b[>0c'],
    ['window operation', '\x1b[21t'],
    ['version query', '\x1b[>0q'],
    ['DECID', '\x1bZ'],
    ['full reset', '\x1bc'],
  ])('drops %s, also when every byte comes alone', (_name, sequence) => {
    expect(filter(`a${sequence}b`)).toBe('ab');
    const bytes = [...Buffer.from(`a${sequence}b`)].map((byte) => Buffer.from([byte]));
    expect(filter(...bytes)).toBe('ab');
  });

  it('never lets an opener of a string sequence through, whatever the bytes and however they are cut', () => {
    const alphabet = fc.constantFrom(
      0x1b,
      0x5d,
      0x50,
      0x5f,
      0x5c,
      0x07,
      0x5b,
      0x6e,
      0x63,
      0xc2,
      0x9d,
      0x90,
      0x31,
      0x41,
    );
    fc.assert(
      fc.property(fc.array(fc.array(alphabet, { maxLength: 6 }), { maxLength: 12 }), (chunks) => {
        const out = filter(...chunks.map((chunk) => Buffer.from(chunk)));
        expect(out).not.toMatch(/\x1b[\]P_^X]/);
        expect(out).not.toMatch(/[\u0090\u0098\u009b\u009d-\u009f]/);
      }),
      { numRuns: 2000 },
    );
  });
});

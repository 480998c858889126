// What a guest may say to the user's own terminal. Text, colours and cursor movement pass; sequences that act on the
// terminal outside the screen are dropped: OSC (clipboard, title, links), DCS, APC, PM, SOS, and every query whose answer
// the terminal would type back into the session.

import { Transform, type TransformCallback } from 'node:stream';

const ESC = 0x1b;
const BEL = 0x07;
/** first byte of U+0080..U+00BF in UTF-8 */
const C1_LEAD = 0xc2;
/** U+FFFD in UTF-8 */
const REPLACEMENT = [0xef, 0xbf, 0xbd];
/** longest control sequence that is kept while it is incomplete, in `bytes` */
const MAX_SEQUENCE = 256;

type State = 'text' | 'c1' | 'escape' | 'csi' | 'string' | 'string-escape';

/** Strings that run to ST: DCS `P`, SOS `X`, OSC `]`, PM `^`, APC `_`. */
const STRING_OPENERS = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]);
/** CSI finals that make a terminal answer or act on its window: DA `c`, DSR `n`, DECREQTPARM `x`, window ops `t`, XTVERSION `q` after `>`. */
const REPORTING_FINALS = new Set([0x63, 0x6e, 0x78, 0x74]);

export class TerminalFilter extends Transform {
  #state: State = 'text';
  #sequence: number[] = [];

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const out: number[] = [];
    for (const byte of chunk) this.#step(byte, out);
    done(null, Buffer.from(out));
  }

  #step(byte: number, out: number[]): void {
    switch (this.#state) {
      case 'text':
        if (byte === ESC) {
          this.#state = 'escape';
          this.#sequence = [byte];
        } else if (byte === C1_LEAD) this.#state = 'c1';
        else out.push(byte);
        return;
      case 'c1':
        this.#afterC1Lead(byte, out);
        return;
      case 'escape':
        this.#afterEscape(byte, out);
        return;
      case 'csi':
        this.#inCsi(byte, out);
        return;
      case 'string':
        if (byte === BEL) this.#state = 'text';
        else if (byte === ESC) this.#state = 'string-escape';
        return;
      case 'string-escape':
        this.#state = byte === 0x5c ? 'text' : byte === ESC ? 'string-escape' : 'string';
    }
  }

  // A C1 control in UTF-8 (U+0080..U+009F) means the same as ESC and a letter.
  #afterC1Lead(byte: number, out: number[]): void {
    this.#state = 'text';
    if (byte >= 0xa0 && byte <= 0xbf) {
      out.push(C1_LEAD, byte);
      return;
    }
    if (byte < 0x80 || byte > 0xbf) {
      // A lone lead byte must not meet a later byte: what stands between them may be dropped.
      out.push(...REPLACEMENT);
      this.#step(byte, out);
      return;
    }
    this.#sequence = [ESC];
    this.#afterEscape(byte - 0x40, out);
  }

  #afterEscape(byte: number, out: number[]): void {
    if (byte === 0x5b) {
      this.#state = 'csi';
      this.#sequence.push(byte);
    } else if (STRING_OPENERS.has(byte)) {
      this.#state = 'string';
    } else if (byte === ESC) {
      this.#sequence = [byte];
    } else if (byte >= 0x80) {
      this.#state = 'text';
      this.#step(byte, out);
    } else {
      this.#state = 'text';
      // `ESC Z` (DECID) and `ESC c` (full reset) are dropped: one answers, the other clears what the user was shown.
      if (byte !== 0x5a && byte !== 0x63) out.push(...this.#sequence, byte);
    }
  }

  #inCsi(byte: number, out: number[]): void {
    if (byte === ESC) {
      this.#state = 'escape';
      this.#sequence = [byte];
      return;
    }
    if (byte >= 0x80) {
      this.#state = 'text';
      this.#step(byte, out);
      return;
    }
    this.#sequence.push(byte);
    if (this.#sequence.length > MAX_SEQUENCE) {
      this.#state = 'text';
      return;
    }
    if (byte < 0x40 || byte > 0x7e) return;
    this.#state = 'text';
    const isVersionQuery = byte === 0x71 && this.#sequence[2] === 0x3e;
    if (!REPORTING_FINALS.has(byte) && !isVersionQuery) out.push(...this.#sequence);
  }
}

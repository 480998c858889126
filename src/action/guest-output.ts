// What the guest prints, on its way into the job's log. The runner reads commands in every line of it; while it is stopped by a token
// that no guest sees, it reads none, and what even then would be drawn as one is broken up.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#stopping-and-starting-workflow-commands

import { randomBytes } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

import { workflowCommand } from '../github/commands.ts';

export interface Fence {
  /** nothing that is written after it is a command */
  readonly stop: string;
  /** on a line of its own: commands are heard again */
  readonly resume: string;
}

export function createFence(): Fence {
  const token = randomBytes(24).toString('hex');
  return { stop: workflowCommand('stop-commands', {}, token), resume: workflowCommand(token) };
}

const HASH = 0x23;
const BRACKET = 0x5b;
const LF = 0x0a;
const C1_LEAD = 0xc2;

/**
 * Colours, line ends and tabs pass; other control characters do not. `##[` is how the runner's first commands begin, anywhere in a
 * line, and how its log marks groups and errors: a blank comes between.
 */
export class GuestOutput extends Transform {
  #hashes = 0;
  /** the last byte was the first of U+0080 to U+00BF in UTF-8, and is not passed on yet */
  #isLead = false;
  /** bytes of a control sequence that is not yet whole */
  #sequence: number[] | undefined;
  /** of the line, in bytes; colours are not counted */
  #length = 0;
  /** whether what was passed on ends in a line's end */
  isAtStart = true;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const out: number[] = [];
    for (const byte of chunk) this.#step(byte, out);
    if (out.length > 0) this.isAtStart = out.at(-1) === LF;
    done(null, Buffer.from(out));
  }

  override _flush(done: TransformCallback): void {
    const out: number[] = [];
    // Half a character is no end of a line: what closes the fence would stand behind it, and not be heard.
    if (this.#isLead) this.#pass(C1_LEAD, out);
    if (out.length > 0) this.isAtStart = false;
    done(null, Buffer.from(out));
  }

  #step(byte: number, out: number[]): void {
    if (this.#sequence !== undefined) {
      this.#inSequence(byte, this.#sequence, out);
      return;
    }
    if (this.#isLead) {
      this.#isLead = false;
      // U+0080 to U+009F are control characters, and U+009B is what `ESC [` is.
      if (byte >= 0x80 && byte <= 0x9f) return;
      this.#pass(C1_LEAD, out);
    }
    if (byte === 0x1b) {
      this.#sequence = [byte];
      return;
    }
    if (byte === C1_LEAD) {
      this.#isLead = true;
      return;
    }
    const isControl =
      (byte < 0x20 && byte !== 0x09 && byte !== LF && byte !== 0x0d) || byte === 0x7f;
    if (isControl) return;
    this.#pass(byte, out);
  }

  /** `ESC [ … m` sets a colour; anything else that an escape begins is dropped, up to its end as far as that is known. */
  #inSequence(byte: number, sequence: number[], out: number[]): void {
    const isColour =
      sequence.length === 1 ? byte === BRACKET : /[0-9;:]/.test(String.fromCharCode(byte));
    if (isColour && sequence.length < MOST_SEQUENCE) {
      sequence.push(byte);
      return;
    }
    this.#sequence = undefined;
    // Bytes of a colour are no part of a command: the hashes before and after it stay apart for the runner.
    if (byte === 0x6d && sequence.length > 1) for (const one of [...sequence, byte]) out.push(one);
    else if (sequence.length === 1 || byte < 0x40 || byte > 0x7e) this.#step(byte, out);
  }

  #pass(byte: number, out: number[]): void {
    if (byte === BRACKET && this.#hashes >= 2) out.push(0x20);
    this.#hashes = byte === HASH ? this.#hashes + 1 : 0;
    // The runner holds a whole line in memory before it looks at it. No character is cut in two.
    if (this.#length >= LONGEST_LINE && (byte & 0xc0) !== 0x80) {
      this.#length = 0;
      out.push(LF);
    }
    this.#length = byte === LF ? 0 : this.#length + 1;
    out.push(byte);
  }
}

/**
 * Two outputs that are written to one place: what is a command only where the end of one meets the start of the other is broken up
 * like all else.
 */
export class Joint {
  #last: { byte: number | undefined; from: object | undefined } = {
    byte: undefined,
    from: undefined,
  };

  /** The chunk, as it may follow what was written before it. */
  pass(from: object, chunk: Buffer): Buffer {
    const [first] = chunk;
    if (first === undefined) return chunk;
    const { byte: last, from: writer } = this.#last;
    const meets =
      writer !== undefined && writer !== from && last === HASH && [HASH, BRACKET].includes(first);
    this.#last = { byte: chunk.at(-1), from };
    return meets ? Buffer.concat([Buffer.from(' '), chunk]) : chunk;
  }
}

/** of a control sequence, in bytes */
const MOST_SEQUENCE = 64;
/** in bytes; what is longer goes on in a line of its own */
const LONGEST_LINE = 1024 * 1024;

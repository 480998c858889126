// What a guest prints is text to the runner, however it is cut.
import { describe, expect, it } from 'vitest';

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createFence, GuestOutput, Joint } from '../../src/action/guest-output.ts';
import { runProgram } from '../../src/action/launch.ts';
import { parseCommand } from '../support/runner/command.ts';
import { createRandom } from '../support/random.ts';

async function pass(chunks: readonly (string | Buffer)[]): Promise<string> {
  const filter = new GuestOutput();
  const out: Buffer[] = [];
  filter.on('data', (chunk: Buffer) => out.push(chunk));
  for (const chunk of chunks) filter.write(chunk);
  await new Promise<void>((resolve) => filter.end(resolve));
  return Buffer.concat(out).toString();
}

describe('what a guest prints', () => {
  it.each([
    ['text\twith ümläuts and 日本語\r\n', 'text\twith ümläuts and 日本語\r\n'],
    ['\u001b[1;31mred\u001b[0m', '\u001b[1;31mred\u001b[0m'],
    ['##[error]x', '## [error]x'],
    ['#####[group]', '##### [group]'],
    ['##\u001b[1m[error]x', '##\u001b[1m [error]x'],
    ['##\u0007[error]x', '## [error]x'],
    ['##\u009b[error]x', '## [error]x'],
    ['# [x] #[y]', '# [x] #[y]'],
    ['a\u001b]0;title\u0007b', 'a]0;titleb'],
    ['a\u001b[2Jb', 'ab'],
    ['a\u001bcb', 'acb'],
    ['caf\u00e9 \u00a0\u0085.', 'caf\u00e9 \u00a0.'],
  ])('%j is %j in the log', async (text, expected) => {
    expect(await pass([text])).toBe(expected);
    // Byte by byte it is the same.
    expect(await pass([...Buffer.from(text)].map((byte) => Buffer.from([byte])))).toBe(expected);
  });

  it('holds no command of the first kind, and no control sequence but colours, whatever it is', async () => {
    const random = createRandom('guest-output');
    const parts = [
      '#',
      '##',
      '[',
      'error',
      ']',
      '::',
      '\u001b',
      '\u001b[',
      '1',
      ';',
      'm',
      'J',
      '\n',
      '\r',
      '\u009b',
      '\u0000',
      'é',
      '%',
    ] as const;
    for (let round = 0; round < 3000; round += 1) {
      const text = Array.from({ length: random.below(24) }, () => random.pick(parts)).join('');
      const bytes = Buffer.from(text);
      const cut = random.below(bytes.length + 1);
      const out = await pass([bytes.subarray(0, cut), bytes.subarray(cut)]);
      expect(out).not.toContain('##[');
      for (const line of out.split(/[\r\n]/)) {
        const command = parseCommand(line, new Set(['error']));
        if (command !== undefined) expect(line.trimStart().startsWith('::')).toBe(true);
      }
      expect(out.replaceAll(/\u001b\[[0-9;:]*m/g, '')).not.toMatch(
        /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/,
      );
    }
  });
});

describe('a line without an end', () => {
  it('goes on in another, with no character cut in two', async () => {
    const whole = 'ä'.repeat(1_100_000);
    const lines = (await pass([whole])).split('\n');
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(1_100_000);
    expect(lines.join('')).toBe(whole);
  });
});

describe('two outputs at one place', () => {
  it.each([
    ['##', '[error]x', '## [error]x'],
    ['#', '#[error]x', '# #[error]x'],
    ['##\n', '[error]x', '##\n[error]x'],
    ['a', '[error]x', 'a[error]x'],
  ])('%j and %j make no command together', (first, second, expected) => {
    const joint = new Joint();
    const [one, other] = [{}, {}];
    const written = [
      joint.pass(one, Buffer.from(first)),
      joint.pass(one, Buffer.from('')),
      joint.pass(other, Buffer.from(second)),
    ];
    expect(Buffer.concat(written).toString()).toBe(expected);
  });
});

describe('the fence', () => {
  it.each(['', 'text', 'text\n', 'text\r', '\n\\xc2', '\n\\xe3\\x80', '\n\\x1b[31m', '\n\\x1b['])(
    'ends on a line of its own behind %j',
    async (end) => {
      const directory = mkdtempSync(join(tmpdir(), 'fence-test-'));
      try {
        const program = join(directory, 'program.mjs');
        const bytes = JSON.stringify(end).replaceAll('\\\\x', '\\x');
        writeFileSync(program, `process.stdout.write(Buffer.from(${bytes}, 'latin1'));`);
        const out: Buffer[] = [];
        const write = (chunk: Buffer | string): boolean => out.push(Buffer.from(chunk)) > 0;
        const drained = (): Promise<void> => Promise.resolve();
        await runProgram({ program, directory, write, drained }, [], process.env).exited;
        const lines = Buffer.concat(out)
          .toString('latin1')
          .split(/[\r\n]+/);
        const token = /^::stop-commands::(\w+)$/.exec(lines[0] ?? '')?.[1];
        expect(lines).toContain(`::${token ?? ''}::`);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );

  it('is another each time, of no name that a command has', () => {
    const [a, b] = [createFence(), createFence()];
    expect(a.stop).not.toBe(b.stop);
    const token = /^::stop-commands::([0-9a-f]{48})\n$/.exec(a.stop)?.[1];
    expect(a.resume).toBe(`::${token ?? ''}::\n`);
  });
});

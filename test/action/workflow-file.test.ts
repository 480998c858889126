// Names and values of a guest are read as the runner would read them, or not at all.
import {
  linkSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  mkdirSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { handOn } from '../../src/action/hand-on.ts';
import { quotedSummary } from '../../src/action/guest-summary.ts';
import { parsePairs, readHandover } from '../../src/action/workflow-file.ts';
import { createRandom } from '../support/random.ts';
import { readKeyValues } from '../support/runner/key-values.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'hand-on-test-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const names = ['output', 'summary', 'env', 'path'] as const;
function files(content: Partial<Record<(typeof names)[number], string>>): string {
  const from = join(directory, 'from');
  mkdirSync(from);
  for (const name of names) writeFileSync(join(from, name), content[name] ?? '');
  return from;
}
const runner = (): Record<string, string> => ({
  GITHUB_OUTPUT: join(directory, 'o'),
  GITHUB_ENV: join(directory, 'e'),
  GITHUB_PATH: join(directory, 'p'),
});
const pairsOf = (name: string): [string, string][] => {
  try {
    return [...readKeyValues(readFileSync(join(directory, name), 'utf8'))];
  } catch {
    return [];
  }
};

describe('a file of names and values', () => {
  it('is read as the runner reads it, or refused', () => {
    const random = createRandom('workflow-file');
    const parts = ['A', 'b_1', '=', '<<', 'END', '\n', '\r', ' ', '::', 'é'] as const;
    let read = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const text = Array.from({ length: random.below(14) }, () => random.pick(parts)).join('');
      let own: [string, string][];
      try {
        own = parsePairs(text, 'output');
      } catch {
        continue;
      }
      read += 1;
      expect(own).toEqual([...readKeyValues(text)]);
    }
    expect(read).toBeGreaterThan(500);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
    [
      'one file under two names',
      (path: string) => (writeFileSync(`${path}2`, 'A=b'), linkSync(`${path}2`, path)),
    ],
    ['too long', (path: string) => writeFileSync(path, Buffer.alloc(1024 * 1024 + 1, 0x41))],
    ['no text', (path: string) => writeFileSync(path, Buffer.from([0xff, 0xfe]))],
    ['a directory', (path: string) => mkdirSync(path)],
    ['gone', () => undefined],
  ])('that is %s is not read', (_, make) => {
    const path = join(directory, 'file');
    make(path);
    expect(() => readHandover(path)).toThrow();
  });
});

describe('what is handed on', () => {
  const open = { outputs: true, env: ['BUILD_*'], path: true };

  it('is what the policy lets it, under the names it has', () => {
    const from = files({
      output: 'a=b\nverdict=clean\nc<<E\nx\ny\nE\n',
      env: 'BUILD_ID=7\nOTHER=1\nBUILD_PATH=x\n',
      path: `${directory}\n`,
    });
    const { notices } = handOn(from, open, ['verdict'], runner());
    expect(pairsOf('o')).toEqual([
      ['a', 'b'],
      ['c', 'x\ny'],
    ]);
    expect(pairsOf('e')).toEqual([
      ['BUILD_ID', '7'],
      ['BUILD_PATH', 'x'],
    ]);
    expect(readFileSync(join(directory, 'p'), 'utf8')).toBe(`${directory}\n`);
    expect(notices.join('\n')).toMatch(/`verdict`.*\n.*`OTHER`/);
  });

  it('is none of the own outputs in any case of letters, which expressions do not tell apart', () => {
    const from = files({ output: 'Verdict=clean\nARTIFACT-ID=1\nverdicts=x\n' });
    handOn(from, open, ['verdict', 'artifact-id'], runner());
    expect(pairsOf('o')).toEqual([['verdicts', 'x']]);
  });

  it('is said of in a line of each kind, however much there is', () => {
    const output = 'verdict=x\n'.repeat(60_000);
    const env = Array.from({ length: 50_000 }, (_, index) => `OTHER_${index}=\n`).join('');
    const { notices } = handOn(files({ output, env }), open, ['verdict'], runner());
    expect(notices).toHaveLength(2);
    expect(notices.join('').length).toBeLessThan(2000);
  });

  it('cannot end what it is put between', () => {
    const from = files({ output: 'a<<E\nghadelimiter_x\nb=c\nE\n' });
    handOn(from, open, [], runner());
    expect(pairsOf('o')).toEqual([['a', 'ghadelimiter_x\nb=c']]);
  });

  it.each([
    [{ output: 'a=b\nnonsense\n' }],
    [{ output: 'a=b\n', env: 'x<<E\n' }],
    [{ output: 'a=b\n', env: 'BUILD_X=1\0LD_PRELOAD=x\n' }],
    [{ output: 'a=b\n', path: 'relative\n' }],
    [{ output: 'a=b\n', path: '/nowhere/at/all\n' }],
    [{ output: 'a=b\n', path: '/tmp:/etc\n' }],
    [{ output: 'a=b\n', path: '/tmp/../etc\n' }],
  ])('is nothing at all where a part of it is wrong: %j', (content) => {
    expect(() => handOn(files(content), open, [], runner())).toThrow(/not handed on/);
    expect(pairsOf('o')).toEqual([]);
  });

  it('is nothing where the policy closes it', () => {
    const from = files({ output: 'nonsense', summary: '# x', env: 'nonsense', path: 'nonsense' });
    const closed = { outputs: false, env: [], path: false };
    expect(handOn(from, closed, [], runner())).toEqual({ summary: '', notices: [] });
  });
});

describe('Markdown of the command', () => {
  it('stays in a quotation, without HTML', () => {
    const text = quotedSummary(
      '# agent-sandbox: Nothing was denied\n</blockquote><h1>x</h1>\n\n```\n> > x',
      10_000,
    );
    const [, ...lines] = text.split('not by agent-sandbox):\n\n');
    for (const line of lines.join('').trimEnd().split('\n')) expect(line).toMatch(/^> /);
    expect(text).not.toMatch(/<[a-z/]/);
  });

  it('says nothing outside of the quotation: no link for words of ours, no footnote, no verdict', () => {
    const text = quotedSummary(
      '[!CAUTION]: https://example.com\n[^1]: Nothing was denied\nx[^1]\n[!TIP]\n[![badge](a)](b)',
      10_000,
    );
    expect(text).not.toMatch(/\]:/);
    expect(text).not.toMatch(/(?<!\\)\[![A-Z]/);
    expect(text).toContain('[![badge](a)](b)');
  });

  it('is put together in one pass', () => {
    const text = quotedSummary(`x${'\n'.repeat(1024 * 1024)}`, 1_000_000);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_000_000);
    expect(text).toContain('The rest is left out');
  }, 20_000);

  it('takes no more than its room', () => {
    expect(Buffer.byteLength(quotedSummary('ü'.repeat(5000), 1000))).toBeLessThanOrEqual(1000);
    expect(Buffer.byteLength(quotedSummary('x\n'.repeat(5000), 1000))).toBeLessThanOrEqual(1000);
    expect(quotedSummary(' \n ', 1000)).toBe('');
  });
});

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RuleReference } from '../../src/model/decision.ts';
import type { Log } from '../../src/log/writer.ts';
import { annotationsOf, batches, type Annotation } from '../../src/report/annotations.ts';
import { readSessionReport } from '../../src/report/session-report.ts';
import { workflowCommandsOf } from '../../src/report/workflow-commands.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { BY_DEFAULT, openSession, POLICY_FILE, writeHostile } from './rig.ts';

const FALLBACK = { path: '.github/workflows/agent.yml', line: 9 };

let directory: string;
let log: Log;
beforeEach(() => {
  directory = temporaryDirectory();
  log = openSession(directory);
});
afterEach(() => {
  log.close();
  removeDirectory(directory);
});

function annotations(): Annotation[] {
  if (log.isOpen) log.end({ type: 'session.end', reason: 'finished' });
  return annotationsOf(readSessionReport(join(directory, 'decisions.jsonl')), {
    fallback: FALLBACK,
  });
}

describe('annotations', () => {
  it('stand at the line of the rule, one for each rule, with what was asked and what to do', () => {
    for (let i = 0; i < 12; i += 1)
      log.append(toDecision({ request: `connect d${i}.example.com:443` }));
    log.append(toDecision({ request: 'connect d0.example.com:443' }));
    const [only, ...others] = annotations();
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      path: POLICY_FILE,
      startLine: 12,
      endLine: 12,
      level: 'failure',
      title: '13 requests denied (network)',
    });
    expect(only?.message.split('\n')).toEqual([
      'repo/network.deny[0]: paste sites are not a way out',
      '  connect d0.example.com:443 (2 times)',
      ...Array.from({ length: 9 }, (_, i) => `  connect d${i + 1}.example.com:443`),
      '  and 2 more',
      "To allow it, remove or narrow repo/network.deny[0] at .github/agent-sandbox.yml:12 (the repository's policy).",
    ]);
  });

  it('are warnings where audit mode let the requests through', () => {
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    expect(annotations()).toMatchObject([
      { level: 'warning', title: '1 request would have been denied (network)' },
    ]);
  });

  it.each<[string, Partial<RuleReference>]>([
    ['has no line', { line: 0 }],
    ['is of another layer', { layer: 'org' }],
    ['is of a file that was not loaded as the repository’s', { file: 'src/index.ts' }],
  ])('stand at the fallback where the rule %s', (_, changes) => {
    const own: RuleReference = { id: 'repo/x', file: POLICY_FILE, line: 3, layer: 'repo' };
    log.append(toDecision({ rule: { ...own, ...changes } }));
    expect(annotations()).toMatchObject([{ path: FALLBACK.path, startLine: 9, endLine: 9 }]);
  });

  it.each(['/etc/passwd', '../other/x.yml', 'a//b.yml', 'a/./b', 'C:\\x', ''])(
    'take %j for no file of the repository, though a log calls it one',
    (file) => {
      log.append({ type: 'policy.load', layer: 'repo', file, digest: '' });
      log.append(toDecision({ rule: { id: 'repo/x', file, line: 3, layer: 'repo' } }));
      expect(annotations()).toMatchObject([{ path: FALLBACK.path }]);
    },
  );

  it('begin with why the session failed', () => {
    log.append(toDecision());
    log.end({ type: 'session.end', reason: 'machine-lost', detail: 'QEMU is gone' });
    expect(annotations()).toMatchObject([
      {
        ...{ path: FALLBACK.path, level: 'failure' },
        message: expect.stringContaining('QEMU is gone') as string,
      },
      { path: POLICY_FILE },
    ]);
  });

  it('come in requests of at most 50, and never without end', () => {
    for (let line = 1; line <= 260; line += 1)
      log.append(
        toDecision({ rule: { id: `repo/${line}`, file: POLICY_FILE, line, layer: 'repo' } }),
      );
    const all = annotations();
    expect(all).toHaveLength(200);
    expect(all.at(-1)?.title).toBe('61 more rules denied requests');
    expect(batches(all).map(({ length }) => length)).toEqual([50, 50, 50, 50]);
    expect(batches([])).toEqual([]);
  });

  it('keep within the limits of the API, whatever a guest asked', () => {
    for (let i = 0; i < 50; i += 1)
      log.append(
        toDecision({
          request: `read /${'x'.repeat(8000)}${i}`,
          surface: 'filesystem',
          rule: BY_DEFAULT,
          reason: 'y'.repeat(8000),
        }),
      );
    for (const { title, message } of annotations()) {
      expect(title.length).toBeLessThanOrEqual(255);
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(64 * 1024);
    }
  });
});

/** As the runner reads a line: the command, its properties, its text; undefined for a line that is output. */
function readCommand(
  line: string,
): { command: string; properties: Record<string, string>; data: string } | undefined {
  const end = line.indexOf('::', 2);
  if (!line.trimStart().startsWith('::') || end < 0) return undefined;
  const [, command = '', list = ''] = /^([^ ]+)(?: (.*))?$/s.exec(line.slice(2, end)) ?? [];
  const properties = Object.fromEntries(
    list.split(',').map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), unescapeText(pair.slice(at + 1), true)];
    }),
  );
  return { command, properties, data: unescapeText(line.slice(end + 2), false) };
}

function unescapeText(text: string, isProperty: boolean): string {
  const codes: Record<string, string> = { '%0D': '\r', '%0A': '\n', '%25': '%' };
  if (isProperty) Object.assign(codes, { '%3A': ':', '%2C': ',' });
  return text.replace(/%(?:0D|0A|3A|2C|25)/g, (found) => codes[found] ?? found);
}

describe('workflow commands', () => {
  it('are read by the runner as what they were', () => {
    const one: Annotation = {
      path: 'a,b:c%2C.yml',
      startLine: 3,
      endLine: 3,
      level: 'failure',
      title: '100%25, of: it',
      message: 'line 1\r\nline 2 100% %0A',
    };
    const [line = ''] = workflowCommandsOf([one]);
    expect(line).not.toMatch(/[\r\n]/);
    expect(readCommand(line)).toEqual({
      command: 'error',
      properties: { file: one.path, line: '3', endLine: '3', title: one.title },
      data: one.message,
    });
  });

  it('are ten of a level at most; the last says how many more there are', () => {
    const of = (level: Annotation['level'], count: number): Annotation[] =>
      Array.from({ length: count }, (_, i) => ({
        path: 'p.yml',
        startLine: 1,
        endLine: 1,
        level,
        title: `${level} ${i}`,
        message: `message ${i}`,
      }));
    const lines = workflowCommandsOf([
      ...of('failure', 25),
      ...of('warning', 10),
      ...of('notice', 3),
    ]);
    const commands = lines.map((line) => readCommand(line)?.command);
    expect(commands.filter((name) => name === 'error')).toHaveLength(10);
    expect(commands.filter((name) => name === 'warning')).toHaveLength(10);
    expect(commands.filter((name) => name === 'notice')).toHaveLength(3);
    expect(readCommand(lines[9] ?? '')).toMatchObject({
      properties: { title: 'and 16 more' },
      data: expect.stringContaining('failure 24: message 24') as string,
    });
    expect(workflowCommandsOf(of('failure', 3), 1)).toHaveLength(1);
    expect(workflowCommandsOf(of('failure', 3), 0)).toEqual([]);
  });

  it.each([
    '::add-mask::a',
    '\n::error file=x::',
    'x\r\n::stop-commands::t',
    '##[error]x',
    '##vso[task.setvariable]x',
    '%0A::set-output name=a::b',
    '\u2028::warning::x',
  ])('let no text of the log be a command: %j', (attack) => {
    writeHostile(log, () => attack);
    const lines = workflowCommandsOf(annotations());
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      expect(line).not.toMatch(/[\r\n\u2028]|##\[|##vso/);
      const read = readCommand(line);
      expect(Object.keys(read?.properties ?? {})).toEqual(['file', 'line', 'endLine', 'title']);
      expect(read?.data).not.toMatch(/^\s*::|::(?:add-mask|error|stop|set|warning)/m);
    }
  });
});

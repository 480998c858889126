import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openLog } from '../../src/log/writer.ts';
import { CONTEXT, toDecision } from '../log/session-log.ts';
import { CliRig } from '../support/cli.ts';

const OLDER = '20261121-101112-aaaaaa';
const NEWER = '20261121-111112-bbbbbb';

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig();
  for (const id of [OLDER, NEWER]) writeSession(id);
});
afterEach(() => {
  rig.remove();
});

const pageOf = (id: string): string => join(rig.logs, id, 'report.html');
const logOf = (id: string): string => join(rig.logs, id, 'decisions.jsonl');

function writeSession(id: string): void {
  mkdirSync(join(rig.logs, id), { recursive: true });
  const log = openLog({ file: logOf(id), context: { ...CONTEXT, session: id } });
  log.append({ type: 'session.start', command: 'claude' });
  log.append(toDecision());
  log.end({ type: 'session.end', reason: 'finished' });
}

describe('agent-sandbox report', () => {
  it('writes the page beside the log and says where it is', async () => {
    const { code, stdout, stderr } = await rig.cli(['report', OLDER]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${pageOf(OLDER)}\n`, stderr: '' });
    expect(readFileSync(pageOf(OLDER), 'utf8')).toContain('1 request denied');
    expect(existsSync(pageOf(NEWER))).toBe(false);
  });

  it.each<[string, () => string[], string]>([
    ['nothing: the newest session', () => [], NEWER],
    ['a directory', () => [join(rig.logs, OLDER)], OLDER],
    ['a log', () => [logOf(OLDER)], OLDER],
  ])('takes %s', async (_, target, id) => {
    expect((await rig.cli(['report', ...target()])).stdout).toBe(`${pageOf(id)}\n`);
  });

  it('writes it elsewhere with --out, and only there', async () => {
    const page = join(rig.root, 'page.html');
    expect((await rig.cli(['report', '--out', page])).stdout).toBe(`${page}\n`);
    expect(readFileSync(page, 'utf8')).toContain('<!doctype html>');
    expect(existsSync(pageOf(NEWER))).toBe(false);
  });

  it('says what the page shows with --json', async () => {
    const { code, stdout } = await rig.cli(['report', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      page: pageOf(NEWER),
      verdict: 'denied',
      session: NEWER,
      denied: 1,
      denials: [{ rule: { id: 'repo/network.deny[0]' } }],
      verification: { status: 'ok' },
    });
  });

  it('writes a page of a log that is not whole, and ends with 1', async () => {
    truncateSync(logOf(NEWER), readFileSync(logOf(NEWER)).length - 20);
    const { code, stdout, stderr } = await rig.cli(['report']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${pageOf(NEWER)}\n` });
    expect(stderr).toContain('incomplete');
    appendFileSync(logOf(OLDER), 'x\n');
    expect((await rig.cli(['report', OLDER])).stderr).toContain('tampered');
  });

  it.each<[string, () => string[]]>([
    ['no such session', () => ['20200101-000000-000000']],
    ['a place that is a directory', () => ['--out', rig.root]],
    ['a place that is none', () => ['--out', join(rig.root, 'none', 'page.html')]],
  ])('ends with 2 and a next step where there is %s', async (_, args) => {
    const { code, stdout, stderr } = await rig.cli(['report', ...args()]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^agent-sandbox: .*\n {2}next: /);
  });
});

describe('agent-sandbox log export', () => {
  it('prints SARIF', async () => {
    const { code, stdout } = await rig.cli(['log', 'export', '--format', 'sarif', OLDER]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          automationDetails: { id: `agent-sandbox/${OLDER}` },
          results: [{ ruleId: 'network/repo/network.deny[0]', level: 'error' }],
        },
      ],
    });
  });

  it.each([
    ['otlp', 'this version does not export otlp'],
    ['pdf', '"pdf" is no format of an export'],
  ])('says of --format %s that it cannot', async (format, message) => {
    const { code, stdout, stderr } = await rig.cli(['log', 'export', '--format', format]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('--format sarif');
  });

  it('says of a log that is not whole that it is not, beside the results', async () => {
    writeFileSync(logOf(NEWER), readFileSync(logOf(NEWER), 'utf8').replace('deny', 'dent'));
    const { stdout, stderr } = await rig.cli(['log', 'export', '--format', 'sarif']);
    expect(stderr).toContain('tampered');
    expect(JSON.parse(stdout)).toMatchObject({
      runs: [{ invocations: [{ executionSuccessful: false }] }],
    });
  });
});

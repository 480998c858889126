import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Log } from '../../src/log/writer.ts';
import { conclusionOf } from '../../src/report/check-run.ts';
import { readSessionReport } from '../../src/report/session-report.ts';
import { faultOf, sentenceOf, titleOf, verdictOf } from '../../src/report/verdict.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { allow, BY_DEFAULT, openSession, POLICY_FILE, writeHostile } from './rig.ts';

let directory: string;
let file: string;
let log: Log;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'decisions.jsonl');
  log = openSession(directory);
});
afterEach(() => {
  log.close();
  removeDirectory(directory);
});

const end = (reason: string = 'finished'): unknown => log.end({ type: 'session.end', reason });

describe('the report of a session', () => {
  it('says whose session it was, under which policy, and how it ended', () => {
    end();
    expect(readSessionReport(file)).toMatchObject({
      session: '20261121-101112-abcdef',
      actor: { login: 'octocat', id: '583231', assurance: 'platform-env' },
      run: { repository: 'acme/app', runId: '77', attempt: '1', pullRequest: '17' },
      command: 'claude',
      isolation: 'emulated',
      mode: 'enforce',
      layers: [{ layer: 'builtin' }, { layer: 'repo', file: POLICY_FILE, digest: 'sha256:r' }],
      end: { reason: 'finished' },
      records: 4,
      verification: { status: 'ok' },
    });
  });

  it('puts denials together by surface, rule and effect, with what was asked and how often', () => {
    for (let i = 0; i < 3; i += 1) log.append(toDecision());
    log.append(toDecision({ request: 'connect paste.example.com:443' }));
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    log.append(toDecision({ surface: 'filesystem', request: 'read /a', rule: BY_DEFAULT }));
    log.append(allow({ count: 5 }));
    end();
    const report = readSessionReport(file);
    expect(report).toMatchObject({ denied: 5, audited: 1, allowed: 5, mode: 'audit' });
    expect(
      report.denials.map(({ surface, rule, enforced, count }) => [
        surface,
        rule.id,
        enforced,
        count,
      ]),
    ).toEqual([
      ['network', 'repo/network.deny[0]', true, 4],
      ['network', 'repo/network.deny[0]', false, 1],
      ['filesystem', 'builtin/default', true, 1],
    ]);
    expect(report.denials[0]?.requests.map(({ request, count }) => [request, count])).toEqual([
      ['connect evil.example.com:443', 3],
      ['connect paste.example.com:443', 1],
    ]);
    expect(report.surfaces).toEqual([
      { surface: 'network', allowed: 5, denied: 4, audited: 1 },
      { surface: 'filesystem', allowed: 0, denied: 1, audited: 0 },
    ]);
  });

  it('follows credentials from their making to their end', () => {
    const gh = { credential: 'gh', provider: 'github-app' };
    log.append({ type: 'credential.mint', ...gh, notAfter: '2026-11-21T11:00:00.000Z' });
    for (let i = 0; i < 3; i += 1)
      log.append({ type: 'credential.inject', ...gh, request: 'GET https://a.test/' });
    log.append({ type: 'credential.reflected', ...gh, form: 'raw', count: 2 });
    log.append({ type: 'credential.revoke', ...gh, result: 'revoked' });
    log.append({
      type: 'credential.refuse',
      credential: 'npm',
      provider: 'npm',
      reason: 'no_identity',
      detail: 'no token',
    });
    log.append({ type: 'credential.mint', credential: 'aws', provider: 'aws' });
    log.append({ type: 'credential.revoke', credential: 'aws', provider: 'aws', result: 'failed' });
    end();
    expect(readSessionReport(file).credentials).toMatchObject([
      {
        id: 'gh',
        provider: 'github-app',
        minted: 1,
        injected: 3,
        reflected: 2,
        revoked: 1,
        notAfter: '2026-11-21T11:00:00.000Z',
      },
      { id: 'npm', minted: 0, refused: 1, refusals: ['no token'] },
      { id: 'aws', minted: 1, revoked: 0, revocationFailed: 1 },
    ]);
  });

  it('lists hosts that were reached, tools that were called and files that were written, and no other', () => {
    log.append(allow({ request: 'connect api.example.com:443' }));
    log.append(allow({ request: 'GET https://api.example.com/x', count: 4 }));
    log.append(allow({ request: 'resolve only-looked-up.example.com' }));
    log.append(toDecision({ request: 'connect evil.example.com:443' }));
    log.append(toDecision({ request: 'connect let-through.example.com:80', enforced: false }));
    log.append(allow({ surface: 'mcp', request: 'tool files/read' }));
    log.append(toDecision({ surface: 'mcp', request: 'tool files/delete' }));
    log.append({
      type: 'outcome',
      surface: 'mcp',
      server: 'files',
      method: 'tools/call',
      name: 'read',
      status: 'error',
    });
    log.append(allow({ surface: 'filesystem', request: 'write /w/a b' }));
    log.append(allow({ surface: 'filesystem', request: 'read /w/c' }));
    log.append(toDecision({ surface: 'filesystem', request: 'write /w/denied' }));
    end();
    const { hosts, tools, files } = readSessionReport(file);
    expect(hosts).toEqual([
      { host: 'api.example.com:443', connections: 1, requests: 4 },
      { host: 'let-through.example.com:80', connections: 1, requests: 0 },
    ]);
    expect(tools).toEqual([
      { kind: 'tool', name: 'files/read', allowed: 1, denied: 0, failed: 1 },
      { kind: 'tool', name: 'files/delete', allowed: 0, denied: 1, failed: 0 },
    ]);
    expect(files).toEqual([{ path: '/w/a b', count: 1 }]);
  });

  it('stays small under a flood, and counts all of it', () => {
    for (let i = 0; i < 12_000; i += 1)
      log.append(toDecision({ request: `connect d${i}.example.com:80`, reason: 'x'.repeat(4000) }));
    for (let i = 0; i < 1200; i += 1)
      log.append(toDecision({ rule: { ...BY_DEFAULT, id: `builtin/${i}` } }));
    end();
    const report = readSessionReport(file);
    expect(report.denied).toBe(13_200);
    expect(report.denials).toHaveLength(1000);
    expect(report.denials[0]).toMatchObject({ count: 12_000, ungrouped: 2000 });
    expect(report.omitted.denials).toBe(
      13_200 -
        report.denials.reduce(
          (sum, one) => sum + one.requests.reduce((all, { count }) => all + count, 0),
          0,
        ),
    );
    expect(JSON.stringify(report).length).toBeLessThan(8 << 20);
  });

  it('holds no character that is not shown as what it is', () => {
    writeHostile(log, () => '\u001b[2J\u202e\u2028\ud800\u0000a');
    expect(JSON.stringify(readSessionReport(file))).not.toMatch(
      /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029]|\\u00|\\ud800/,
    );
  });
});

describe('the verdict', () => {
  it('is clean where nothing was denied, audit mode included, which is said', () => {
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    end();
    const report = readSessionReport(file);
    expect(verdictOf(report)).toBe('clean');
    expect(titleOf(report)).toBe('1 request would have been denied');
    expect(sentenceOf(report)).toContain(
      'One rule would have refused 1 request, which audit mode let through.',
    );
    expect(conclusionOf(report, 'denial')).toBe('neutral');
  });

  it('is denied where one request was', () => {
    log.append(toDecision());
    end('denials');
    const report = readSessionReport(file);
    expect(verdictOf(report)).toBe('denied');
    expect(conclusionOf(report, 'denial')).toBe('failure');
    expect(conclusionOf(report, 'never')).toBe('neutral');
  });

  it.each([
    'machine-lost',
    'log-unwritable',
    'failed-to-start',
    'timeout',
    'a word of a later version',
  ])('is failed where the session ended as %s', (reason) => {
    end(reason);
    expect(verdictOf(readSessionReport(file))).toBe('failed');
  });

  it('is failed where the log has no end, whatever was asked for', () => {
    log.append(toDecision());
    const report = readSessionReport(file);
    expect(verdictOf(report)).toBe('failed');
    expect(faultOf(report)?.text).toContain('incomplete');
    expect(conclusionOf(report, 'never')).toBe('failure');
  });

  it('is failed where the log was changed, empty or no log at all', () => {
    log.append(toDecision());
    end();
    const whole = readFileSync(file, 'utf8');
    for (const text of [whole.replace('"deny"', '"allow"'), '', 'not a log\n', whole + whole]) {
      writeFileSync(file, text);
      expect(verdictOf(readSessionReport(file))).toBe('failed');
    }
  });

  it('is failed where the log says that records are missing', () => {
    log.append({ type: 'log.gap', reason: 'the disk was full' });
    end();
    expect(verdictOf(readSessionReport(file))).toBe('failed');
  });

  it('refuses to read where there is no log', () => {
    expect(() => readSessionReport(join(directory, 'none'))).toThrow(
      /cannot read the decision log/,
    );
  });
});

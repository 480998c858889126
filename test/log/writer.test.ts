import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { attachLog } from '../../src/log/shared.ts';
import { openLog } from '../../src/log/writer.ts';
import { verifyLog } from '../../src/log/verify.ts';
import type { LifecycleEvent } from '../../src/model/event.ts';
import {
  CONTEXT,
  readRecords,
  removeDirectory,
  temporaryDirectory,
  toDecision,
  writeSample,
} from './session-log.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'decisions.jsonl');
});
afterEach(() => {
  removeDirectory(directory);
});

describe('a record', () => {
  it('has the fields of the contract in their order', () => {
    const log = openLog({
      file,
      context: { ...CONTEXT, parent: 'p-1' },
      now: () => 1_795_000_000_000,
      newId: () => 'id-1',
    });
    log.append(toDecision({ agent: { command: 'claude', pid: 812, executable: '/usr/bin/node' } }));
    log.close();
    const [line] = readFileSync(file, 'utf8').split('\n');
    expect(line).toBe(
      '{"v":1,"seq":0,"time":"2026-11-18T11:06:40.000Z","id":"id-1","type":"decision","session":"20261121-101112-abcdef","parent":"p-1",' +
        '"actor":{"login":"octocat","id":"583231","assurance":"platform-env"},"run":{"repository":"acme/app","runId":"77","attempt":1,"pullRequest":17},' +
        '"agent":{"command":"claude","pid":812,"executable":"/usr/bin/node"},"surface":"network","request":"connect evil.example.com:443","effect":"deny","enforced":true,"mode":"enforce",' +
        '"rule":{"id":"repo/network.deny[0]","file":".github/agent-sandbox.yml","line":12,"layer":"repo"},"reason":"paste sites are not a way out",' +
        `"policyDigest":"${CONTEXT.policyDigest}","isolation":"emulated","prev":"sha256:${'0'.repeat(64)}"}`,
    );
  });

  it('names who acted, the rule with its place, the policy and the time in UTC, for every kind of decision', () => {
    const log = openLog({ file, context: CONTEXT });
    const byDefault = {
      id: 'builtin/default',
      file: 'builtin',
      line: 0,
      layer: 'builtin',
    } as const;
    log.append(toDecision({ effect: 'allow' }));
    log.append(toDecision());
    log.append(toDecision({ rule: byDefault }));
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    log.append({
      type: 'exception.used',
      rule: { id: 'org/EX-42', file: 'org.yml', line: 3, layer: 'org' },
    });
    log.close();
    for (const record of readRecords(file)) {
      expect(record).toMatchObject({
        v: 1,
        actor: { login: 'octocat', assurance: 'platform-env' },
        run: { repository: 'acme/app' },
        policyDigest: CONTEXT.policyDigest,
      });
      expect(Object.keys(record['rule'] as object)).toEqual(['id', 'file', 'line', 'layer']);
      expect(record['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  it('holds the SHA-256 of the bytes of the line before', () => {
    writeSample(file, 20);
    const lines = readFileSync(file, 'latin1').split('\n').slice(0, -1);
    expect(lines).toHaveLength(20);
    lines.slice(1).forEach((line, i) => {
      const digest = createHash('sha256')
        .update(Buffer.from(lines[i] ?? '', 'latin1'))
        .digest('hex');
      expect(JSON.parse(line)).toMatchObject({ seq: i + 1, prev: `sha256:${digest}` });
    });
  });

  it('is one line of UTF-8 without a raw control character, whatever the event holds', () => {
    const log = openLog({ file, context: CONTEXT });
    const value = fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 });
    const event = fc.record({
      request: fc.string({ unit: 'binary' }),
      reason: fc.string({ unit: 'binary' }),
      detail: value,
      extra: value,
    });
    let count = 0;
    fc.assert(
      fc.property(event, (fields) => {
        log.append({ type: 'alert', ...fields });
        count += 1;
      }),
      { numRuns: 10_000 },
    );
    log.end({ type: 'session.end' });
    const bytes = readFileSync(file);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(text.split('\n')).toHaveLength(count + 2);
    expect(verifyLog(file)).toMatchObject({ status: 'ok', count: count + 1 });
  });

  it('cannot be forged from within another', () => {
    const log = openLog({ file, context: CONTEXT });
    const forged = '\n{"v":1,"seq":1,"type":"decision","effect":"allow"}\n';
    log.append(
      toDecision({ request: `connect x${forged}:443`, reason: `\u001b[2K::error::x ##[error]y` }),
    );
    log.append(toDecision({ request: `connect ${'h'.repeat(1 << 20)}:80` }));
    log.end({ type: 'session.end' });
    const records = readRecords(file);
    expect(records).toHaveLength(3);
    expect(records[0]).toMatchObject({ effect: 'deny', reason: '\\u{1b}[2K::error::x ##[error]y' });
    expect(records[1]).toMatchObject({ effect: 'deny', truncated: true });
    const text = readFileSync(file, 'latin1');
    expect(text.length).toBeLessThan(20_000);
    expect(text).not.toContain('##[');
  });

  it('takes nothing that is the writer’s own from an event', () => {
    const log = openLog({ file, context: CONTEXT });
    const event: LifecycleEvent = {
      type: 'alert',
      seq: 99,
      session: 'other',
      prev: 'sha256:x',
      actor: { login: 'root' },
      ['__proto__']: 1,
      note: 'n',
    };
    log.append(event);
    log.close();
    expect(readRecords(file)[0]).toMatchObject({
      seq: 0,
      session: CONTEXT.session,
      actor: { login: 'octocat' },
      note: 'n',
    });
  });
});

describe('the file', () => {
  it('is new and for its owner alone', () => {
    openLog({ file, context: CONTEXT }).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => openLog({ file, context: CONTEXT })).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
    const link = join(directory, 'link.jsonl');
    symlinkSync(join(directory, 'elsewhere'), link);
    expect(() => openLog({ file: link, context: CONTEXT })).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
  });

  it('ends with session.end, after which nobody can append', () => {
    const log = openLog({ file, context: CONTEXT });
    const attached = attachLog(log.share());
    log.append({ type: 'session.start' });
    attached.append(toDecision());
    const end = log.end({ type: 'session.end', reason: 'finished' });
    expect(readRecords(file).at(-1)).toMatchObject({
      type: 'session.end',
      reason: 'finished',
      count: 3,
      head: end.head,
    });
    expect(end.count).toBe(3);
    expect(log.isOpen).toBe(false);
    expect(attached.isOpen).toBe(false);
    expect(() => log.append(toDecision())).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
    expect(() => attached.append(toDecision())).toThrow(
      expect.objectContaining({ code: 'LOG_ENDED' }),
    );
    attached.close();
    expect(verifyLog(file)).toMatchObject({ status: 'ok', count: 3 });
  });

  it('is never another file of the same name', () => {
    const log = openLog({ file, context: CONTEXT });
    renameSync(file, `${file}.old`);
    writeFileSync(file, '');
    expect(() => attachLog(log.share())).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
    log.close();
  });
});

describe('a log that cannot be written', () => {
  it('fails for every thread from the first short write on, and what is there is not ok', (ctx) => {
    if (process.getuid?.() !== 0)
      return ctx.skip('filling a disk needs root: a small tmpfs is mounted');
    const mount = join(directory, 'small');
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', mount]);
    try {
      const full = join(mount, 'decisions.jsonl');
      const log = openLog({ file: full, context: CONTEXT });
      const attached = attachLog(log.share());
      const fill = (): void => {
        for (let i = 0; i < 1000; i += 1) log.append(toDecision());
      };
      expect(fill).toThrow(
        expect.objectContaining({ code: 'LOG_UNWRITABLE', kind: 'environment' }),
      );
      const size = statSync(full).size;
      expect(size).toBeGreaterThan(0);
      expect(log.failed).toBe(true);
      expect(attached.isOpen).toBe(false);
      expect(() => attached.append(toDecision())).toThrow(
        expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
      );
      expect(() => log.end({ type: 'session.end' })).toThrow(
        expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
      );
      expect(statSync(full).size).toBe(size);
      expect(verifyLog(full).status).toBe('incomplete');
      attached.close();
      log.close();
    } finally {
      execFileSync('umount', [mount]);
    }
    return undefined;
  });

  it('fails when another thread died within a write', () => {
    const log = openLog({ file, context: CONTEXT, lockTimeoutMs: 20 });
    log.append(toDecision());
    Atomics.store(new Int32Array(log.share().state), 0, 1); // the mutex, held by nobody who lives
    expect(() => log.append(toDecision())).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
    expect(log.isOpen).toBe(false);
    log.close();
    expect(verifyLog(file)).toMatchObject({ status: 'incomplete', count: 1 });
  });

  it('fails when a record cannot be made', () => {
    const log = openLog({ file, context: CONTEXT, now: () => Number.NaN });
    expect(() => log.append(toDecision())).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
    expect(log.failed).toBe(true);
    log.close();
  });
});

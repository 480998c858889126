import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPoint, type PointOptions } from '../../src/enforce/point.ts';
import { createCounters } from '../../src/enforce/tally.ts';
import { attachLog } from '../../src/log/shared.ts';
import { openLog, type Log } from '../../src/log/writer.ts';
import { verifyLog } from '../../src/log/verify.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { SandboxError } from '../../src/model/error.ts';
import type { EventLog } from '../../src/model/event.ts';
import type { LayerName } from '../../src/model/policy.ts';
import type { Request } from '../../src/model/request.ts';
import { CONTEXT, readRecords, removeDirectory, temporaryDirectory } from '../log/session-log.ts';

let directory: string;
let file: string;
let log: Log;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'decisions.jsonl');
  log = openLog({ file, context: CONTEXT });
});
afterEach(() => {
  log.close();
  removeDirectory(directory);
});

const good: Request = { kind: 'connect', host: 'good.example.com', port: 443 };
const bad: Request = { kind: 'connect', host: 'bad.example.com', port: 443 };

function toDecision(
  effect: 'allow' | 'deny',
  layer: LayerName = 'repo',
  id: string = `${layer}/network`,
): Decision {
  const rule = { id, file: 'policy.yml', line: 3, layer };
  return { effect, rule, reason: 'because', matched: [rule], isPrivate: false, isInspected: false };
}

/** Allows what `good` asks and denies the rest. */
function decide(request: Request): Decision {
  return toDecision('host' in request && request.host.startsWith('good') ? 'allow' : 'deny');
}

function pointWith(options: Partial<PointOptions> = {}): ReturnType<typeof createPoint> {
  return createPoint({ decide, log, mode: 'enforce', agent: { command: 'claude' }, ...options });
}

describe('a request', () => {
  it('is answered only after its record is in the file', () => {
    const point = pointWith();
    expect(point.ask(bad)).toMatchObject({ allowed: false, decision: { effect: 'deny' } });
    expect(readRecords(file)).toMatchObject([
      {
        type: 'decision',
        surface: 'network',
        request: 'connect bad.example.com:443',
        effect: 'deny',
        enforced: true,
        mode: 'enforce',
        rule: { id: 'repo/network', line: 3 },
        agent: { command: 'claude' },
      },
    ]);
    expect(point.ask(good)).toMatchObject({ allowed: true });
    expect(readRecords(file)).toHaveLength(2);
  });

  it('names the agent that asked where the point knows it', () => {
    pointWith().ask(bad, { agent: { command: 'node', pid: 812 } });
    expect(readRecords(file)).toMatchObject([{ agent: { command: 'node', pid: 812 } }]);
  });

  it('leaves no value of an argument on record, of tools and of prompts', () => {
    const point = pointWith();
    const given = { token: 'CANARY-7f3a9c51' };
    point.ask({ kind: 'tool', server: 's', tool: 't', arguments: given });
    point.ask({ kind: 'prompt', server: 's', name: 'p', arguments: given });
    expect(readRecords(file).map(({ request }) => request)).toEqual(['tool s/t', 'prompt s/p']);
    expect(readFileSync(file, 'utf8')).not.toContain('CANARY');
  });

  it('that cannot be judged is denied and on record, and the next one is judged', () => {
    let calls = 0;
    const point = pointWith({
      decide: (request) => {
        calls += 1;
        if (calls === 1) throw new Error('a fault in the matcher');
        return decide(request);
      },
    });
    expect(point.ask(good)).toMatchObject({
      allowed: false,
      decision: { rule: { id: 'builtin/error' } },
    });
    expect(point.ask(good)).toMatchObject({ allowed: true });
    expect(readRecords(file)).toMatchObject([
      { effect: 'deny', rule: { id: 'builtin/error' } },
      { effect: 'allow' },
    ]);
  });

  it('leaves one record for each denial, whatever its name holds, and an intact chain', () => {
    const point = pointWith({ mode: 'enforce' });
    let asked = 0;
    const name = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(name, (text) => {
        expect(point.ask({ kind: 'read', path: `/${text}` }).allowed).toBe(false);
        asked += 1;
      }),
      { numRuns: 500 },
    );
    for (const text of [
      'a\n{"v":1,"effect":"allow"}',
      '\u001b]0;x\u0007',
      '::error::x',
      '"},{"effect":"allow"',
      '\udcff\u202e',
    ]) {
      point.ask({ kind: 'connect', host: text, port: 1 });
      asked += 1;
    }
    log.end({ type: 'session.end' });
    expect(verifyLog(file)).toMatchObject({ status: 'ok', count: asked + 1 });
    expect(readRecords(file).filter((record) => record['effect'] === 'deny')).toHaveLength(asked);
    expect(readFileSync(file, 'utf8')).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/,
    );
  });
});

describe('what an enforcement point finds by itself', () => {
  const found = toDecision('deny', 'builtin', 'builtin/egress-hello');

  it('is a denial on record, though the rules would allow it and even in audit mode', () => {
    for (const mode of ['enforce', 'audit'] as const) {
      const point = pointWith({ mode });
      expect(point.ask(good, { denial: { ...found, effect: 'allow' } })).toMatchObject({
        allowed: false,
        decision: { effect: 'deny' },
      });
    }
    const record = { effect: 'deny', enforced: true, rule: { id: 'builtin/egress-hello' } };
    expect(readRecords(file)).toMatchObject([record, record]);
  });

  it('is an outcome on record; when it cannot be, everything is denied from then on', () => {
    const point = pointWith();
    expect(point.append({ type: 'outcome', request: 'connect a:1', bytes: 5 })).toBe(true);
    expect(readRecords(file)).toMatchObject([{ type: 'outcome', bytes: 5 }]);
    log.close();
    expect(point.append({ type: 'outcome' })).toBe(false);
    expect(point.ask(good).allowed).toBe(false);
  });
});

describe('equal allows', () => {
  it('are folded: the first at once, the others with their count', () => {
    const point = pointWith();
    for (let i = 0; i < 5; i += 1) expect(point.ask(good).allowed).toBe(true);
    expect(readRecords(file)).toHaveLength(1);
    point.flush();
    point.flush();
    expect(readRecords(file)).toMatchObject([
      { request: 'connect good.example.com:443' },
      { request: 'connect good.example.com:443', count: 4 },
    ]);
    expect(readRecords(file)[0]).not.toHaveProperty('count');
    expect(point.counters()).toEqual({ allowed: 5, denied: 0, audited: 0 });
  });

  it('are all accounted for when there are more kinds of them than are remembered', () => {
    const point = pointWith();
    const rounds = 3;
    const hosts = 6000;
    for (let round = 0; round < rounds; round += 1) {
      for (let i = 0; i < hosts; i += 1) point.ask({ kind: 'connect', host: `good-${i}`, port: 1 });
    }
    point.ask({ kind: 'connect', host: 'good-5999', port: 1 });
    point.flush();
    const total = readRecords(file).reduce((sum, record) => sum + Number(record['count'] ?? 1), 0);
    expect(total).toBe(rounds * hosts + 1);
  });

  it('never fold a denial', () => {
    const point = pointWith();
    for (let i = 0; i < 5; i += 1) point.ask(bad);
    expect(readRecords(file)).toHaveLength(5);
  });
});

describe('audit mode', () => {
  it.each([
    ['what a rule denies', toDecision('deny', 'org'), true],
    ['what no rule allows', toDecision('deny', 'builtin', 'builtin/default'), true],
    ['what protects the host', toDecision('deny', 'builtin', 'builtin/metadata'), false],
  ])('%s', (_name, decision, isAllowed) => {
    const point = pointWith({ mode: 'audit', decide: () => decision });
    expect(point.ask(bad)).toMatchObject({ allowed: isAllowed, decision: { effect: 'deny' } });
    expect(readRecords(file)).toMatchObject([
      { effect: 'deny', enforced: !isAllowed, mode: 'audit' },
    ]);
    expect(point.counters()).toEqual({
      allowed: 0,
      denied: isAllowed ? 0 : 1,
      audited: isAllowed ? 1 : 0,
    });
  });

  it('does not let through what could not be judged', () => {
    const point = pointWith({
      mode: 'audit',
      decide: () => {
        throw new Error('fault');
      },
    });
    expect(point.ask(good).allowed).toBe(false);
  });
});

describe('the limit of denials', () => {
  it('calls once, when it is reached, and counts the points of all threads', () => {
    const counters = createCounters();
    const calls: number[] = [];
    const attached = attachLog(log.share());
    const here = pointWith({
      counters,
      limits: { denials: 3 },
      onDenialLimit: (denials) => calls.push(denials),
    });
    const there = pointWith({ counters, log: attached });
    there.ask(bad);
    here.ask(good);
    here.ask(bad);
    expect(calls).toEqual([]);
    here.ask(bad);
    here.ask(bad);
    expect(calls).toEqual([3]);
    expect(there.counters()).toEqual({ allowed: 1, denied: 4, audited: 0 });
    attached.close();
  });
});

describe('a log that cannot be written', () => {
  it('makes every later answer a denial, and is said once', () => {
    const failures: SandboxError[] = [];
    let isBroken = false;
    const breaking: EventLog = {
      append: (event) => {
        if (isBroken) throw new Error('ENOSPC');
        return log.append(event);
      },
    };
    const point = pointWith({ log: breaking, onFailure: (error) => failures.push(error) });
    expect(point.ask(good).allowed).toBe(true);
    isBroken = true;
    expect(point.ask(bad)).toMatchObject({
      allowed: false,
      decision: { rule: { id: 'builtin/error' } },
    });
    isBroken = false;
    expect(point.ask(good)).toMatchObject({
      allowed: false,
      decision: { rule: { id: 'builtin/error' } },
    });
    point.flush();
    expect(failures).toHaveLength(1);
  });

  it('stops folded allows too when another thread found it', () => {
    const attached = attachLog(log.share());
    const failures: SandboxError[] = [];
    const point = pointWith({ log: attached, onFailure: (error) => failures.push(error) });
    expect(point.ask(good).allowed).toBe(true);
    Atomics.store(new Int32Array(log.share().state), 1, 1);
    expect(point.ask(good).allowed).toBe(false);
    expect(failures).toMatchObject([{ code: 'LOG_UNWRITABLE' }]);
    attached.close();
  });

  it('denies after the session has ended', () => {
    const point = pointWith();
    point.ask(good);
    log.end({ type: 'session.end' });
    expect(point.ask(good).allowed).toBe(false);
    expect(verifyLog(file).status).toBe('ok');
  });
});

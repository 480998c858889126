import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openLog, type Log } from '../../src/log/writer.ts';
import { readDenials, renderDenials } from '../../src/report/denials.ts';
import { CONTEXT, removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';

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

const byDefault = { id: 'builtin/default', file: 'builtin', line: 0, layer: 'builtin' } as const;

describe('the summary of denials', () => {
  it('is empty when nothing was denied', () => {
    log.append(toDecision({ effect: 'allow' }));
    expect(renderDenials(readDenials(file))).toBe('');
  });

  it('says each request once, the most frequent first, with its rule and what to do', () => {
    log.append(
      toDecision({
        request: "read /home/alice/it's",
        rule: byDefault,
        reason: 'no rule allows it',
      }),
    );
    for (let i = 0; i < 3; i += 1) log.append(toDecision());
    log.append(toDecision({ effect: 'allow', request: 'connect good.example.com:443' }));
    expect(renderDenials(readDenials(file))).toBe(
      [
        'agent-sandbox: 4 requests denied',
        '  connect evil.example.com:443  (3 times)',
        '    rule repo/network.deny[0] .github/agent-sandbox.yml:12: paste sites are not a way out',
        "    to change it: agent-sandbox policy explain 'connect evil.example.com:443'",
        "  read /home/alice/it's",
        '    no rule allows it',
        "    to change it: agent-sandbox policy explain 'read /home/alice/it'\\''s'",
        '',
      ].join('\n'),
    );
  });

  it('does not send anyone to change what is built in', () => {
    log.append(
      toDecision({
        request: 'connect 169.254.169.254:80',
        rule: { ...byDefault, id: 'builtin/metadata' },
        reason: 'cloud metadata',
      }),
    );
    const text = renderDenials(readDenials(file));
    expect(text).toContain('builtin/metadata: cloud metadata; built in, no policy can allow it');
    expect(text).not.toContain('policy explain');
  });

  it('tells what audit mode let through from what was refused', () => {
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    expect(renderDenials(readDenials(file))).toContain('1 request would have been denied');
    log.append(toDecision());
    const denials = readDenials(file);
    expect(denials).toMatchObject({ total: 2, audited: 1 });
    expect(renderDenials(denials)).toContain('1 request denied, 1 more would have been');
  });

  it('shows ten and counts the others, and stays small under a flood', () => {
    for (let i = 0; i < 10_500; i += 1)
      log.append(toDecision({ request: `connect d${i}.example.com:80` }));
    const denials = readDenials(file);
    expect(denials).toMatchObject({ total: 10_500, ungrouped: 500 });
    const text = renderDenials(denials, { session: CONTEXT.session });
    expect(text.match(/policy explain/g)).toHaveLength(10);
    expect(text).toContain(
      `and 9990+ more: agent-sandbox log show ${CONTEXT.session} --effect deny`,
    );
    expect(text.length).toBeLessThan(8 * 1024);
  });

  it('lets nothing hostile out of a log that another program wrote', () => {
    log.append(toDecision());
    const hostile = {
      ...(JSON.parse(readFileSync(file, 'utf8')) as object),
      request: '\u001b[2J::error::x\n##[error]y\u202e',
      reason: '\r::set-env name=a::b',
      rule: { id: 5, file: '\u0007', line: -1 },
    };
    appendFileSync(file, `${JSON.stringify(hostile)}\nnot json\n{"effect":"deny"}\n[]\n`);
    const text = renderDenials(readDenials(file));
    expect(text).toContain('2 requests denied');
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(text).not.toMatch(/::(?:error|set-env)|##\[/);
    appendFileSync(file, 'x'.repeat(4 << 20));
    expect(statSync(file).size).toBeGreaterThan(4 << 20);
    expect(readDenials(file).total).toBe(2);
  });

  it('is coloured only when asked', () => {
    log.append(toDecision());
    const denials = readDenials(file);
    expect(renderDenials(denials)).not.toContain('\u001b');
    expect(renderDenials(denials, { isColoured: true })).toContain('\u001b[');
  });
});

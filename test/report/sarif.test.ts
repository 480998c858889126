import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Log } from '../../src/log/writer.ts';
import { readSessionReport, type SessionReport } from '../../src/report/session-report.ts';
import { toSarif } from '../../src/report/sarif.ts';
import { removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';
import { BY_DEFAULT, openSession, POLICY_FILE } from './rig.ts';

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

function report(): SessionReport {
  if (log.isOpen) log.end({ type: 'session.end', reason: 'finished' });
  return readSessionReport(join(directory, 'decisions.jsonl'));
}

const OPTIONS = { version: '1.2.3' };

describe('SARIF', () => {
  it('has a rule for each rule and a result for each request, at the line of the rule', () => {
    log.append(toDecision());
    log.append(toDecision());
    log.append(toDecision({ request: 'read /a b', surface: 'filesystem', rule: BY_DEFAULT }));
    log.append(toDecision({ enforced: false, mode: 'audit' }));
    const [run] = toSarif([report()], OPTIONS).runs;
    expect(run?.tool.driver).toMatchObject({ name: 'agent-sandbox', version: '1.2.3' });
    expect(run?.tool.driver.rules?.map(({ id }) => id)).toEqual([
      'network/repo/network.deny[0]',
      'filesystem/builtin/default',
    ]);
    expect(run?.results).toMatchObject([
      {
        ruleIndex: 0,
        level: 'error',
        occurrenceCount: 2,
        message: { text: 'Denied: connect evil.example.com:443 (paste sites are not a way out)' },
        locations: [
          {
            physicalLocation: { artifactLocation: { uri: POLICY_FILE }, region: { startLine: 12 } },
          },
        ],
      },
      {
        ruleIndex: 1,
        locations: [
          {
            physicalLocation: { artifactLocation: { uri: POLICY_FILE }, region: { startLine: 1 } },
          },
        ],
      },
      { ruleIndex: 0, level: 'warning' },
    ]);
    const prints = run?.results?.map(
      ({ partialFingerprints }) => partialFingerprints?.['request/v1'],
    );
    expect(new Set(prints).size).toBe(3);
  });

  it('holds no more than GitHub takes, and says what is left out', () => {
    const base = report();
    const requests = Array.from({ length: 30_000 }, (_, at) => ({
      request: `read /${at}`,
      reason: '',
      count: 1,
      at,
    }));
    const flooded: SessionReport = {
      ...base,
      denials: [
        {
          surface: 'filesystem',
          rule: BY_DEFAULT,
          enforced: true,
          reason: '',
          count: 30_000,
          requests,
          ungrouped: 0,
        },
      ],
    };
    const { runs } = toSarif([flooded, ...Array.from({ length: 24 }, () => base)], OPTIONS);
    expect(runs).toHaveLength(20);
    expect(runs[0]?.results).toHaveLength(25_000);
    const said = (at: number): string | undefined =>
      runs[at]?.invocations?.[0]?.toolExecutionNotifications?.[0]?.message.text;
    expect(said(0)).toContain('5,000 requests');
    expect(said(19)).toContain('5 more sessions');
  });

  it('says of a log without an end that the run was not successful', () => {
    log.append(toDecision());
    log.close();
    const [run] = toSarif([report()], OPTIONS).runs;
    expect(run?.invocations?.[0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [{ level: 'error' }],
    });
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/model/decision.ts';
import { accountTables } from '../../src/session/accounts.ts';

const rule = { id: 'test/rule', file: 'test', line: 1, layer: 'run' as const };
const answer = (effect: 'allow' | 'deny') => (): Decision => ({
  effect,
  rule,
  reason: 'test',
  matched: [rule],
  isPrivate: false,
  isInspected: false,
});
const stranger = { name: 'agent', uid: 54_321, gid: 54_322, home: '/home/agent' };

describe('accountTables', () => {
  it("adds the agent to the host's tables", () => {
    const tables = accountTables(answer('allow'), stranger);
    const host = readFileSync('/etc/passwd', 'utf8');
    expect(tables?.passwd).toBe(`${host}agent:x:54321:54322::/home/agent:/bin/sh\n`);
    expect(tables?.group).toMatch(/^root:.*\nagent:x:54322:\n$/s);
  });

  it("leaves the file server's own where both users are named", () => {
    expect(accountTables(answer('allow'), { ...stranger, uid: 0, gid: 0 })).toBeUndefined();
  });

  it('names root and the agent alone where the policy hides the tables', () => {
    expect(accountTables(answer('deny'), stranger)).toEqual({
      passwd: 'root:x:0:0:root:/root:/bin/sh\nagent:x:54321:54322::/home/agent:/bin/sh\n',
      group: 'root:x:0:\nagent:x:54322:\n',
    });
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/model/decision.ts';
import { accountFiles } from '../../src/session/accounts.ts';

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

describe('accountFiles', () => {
  it("adds the agent to the host's tables", () => {
    const [passwd, group] = accountFiles(answer('allow'), stranger);
    const host = readFileSync('/etc/passwd', 'utf8');
    expect(passwd).toEqual({
      path: '/etc/passwd',
      content: `${host}agent:x:54321:54322::/home/agent:/bin/sh\n`,
    });
    expect(group?.content).toMatch(/^root:.*\nagent:x:54322:\n$/s);
  });

  it("leaves the file server's own where both users are named", () => {
    expect(accountFiles(answer('allow'), { ...stranger, uid: 0, gid: 0 })).toEqual([]);
  });

  it('names root and the agent alone where the policy hides the tables', () => {
    expect(accountFiles(answer('deny'), stranger).map(({ content }) => content)).toEqual([
      'root:x:0:0:root:/root:/bin/sh\nagent:x:54321:54322::/home/agent:/bin/sh\n',
      'root:x:0:\nagent:x:54322:\n',
    ]);
  });

  it('puts the agent in the place of whoever has its number on the host, with a home of their own', () => {
    const [passwd] = accountFiles(answer('allow'), { ...stranger, uid: 1, gid: 1 });
    const rows = String(passwd?.content)
      .split('\n')
      .filter((row) => row.split(':')[2] === '1');
    expect(readFileSync('/etc/passwd', 'utf8')).toMatch(/^daemon:x:1:/m);
    expect(rows).toEqual(['agent:x:1:1::/home/agent:/bin/sh']);
  });
});

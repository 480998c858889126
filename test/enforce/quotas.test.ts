import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createQuotas, MAX_KEYS } from '../../src/enforce/quotas.ts';
import type { RuleLimit } from '../../src/model/decision.ts';

const limitOf = (id: string, more: Partial<RuleLimit>): RuleLimit => ({
  rule: { id, file: 'p.yml', line: 1, layer: 'repo' },
  depth: 0,
  ...more,
});
const once = limitOf('repo/once', { limit: { count: 1, per: 'session' } });
const bytes = limitOf('repo/bytes', { egress: 100 });

describe('what rules count', () => {
  it('is refused once a rule has no room, with that rule and why', () => {
    const quotas = createQuotas();
    expect(quotas.take([once])).toBeUndefined();
    expect(quotas.take([once])).toEqual({
      rule: once.rule,
      reason: 'repo/once allows 1 time a session, and this would be one more',
    });
  });

  it('takes room in every rule that matches, and none from the others where one refuses', () => {
    const twice = limitOf('repo/twice', { limit: { count: 2, per: 'session' } });
    const quotas = createQuotas();
    expect(quotas.take([once, twice])).toBeUndefined();
    expect(quotas.take([twice, once])?.rule).toBe(once.rule);
    expect(quotas.take([twice])).toBeUndefined();
    expect(quotas.take([twice])?.rule).toBe(twice.rule);
  });

  it('RL1 says after how long there is room again', () => {
    let time = 1000;
    const quotas = createQuotas({ now: () => time });
    const five = limitOf('repo/five', { limit: { count: 5, per: 'minute' } });
    for (let i = 0; i < 5; i++, time += 10) expect(quotas.take([five])).toBeUndefined();
    const { retryAfterMs = 0 } = quotas.take([five]) ?? {};
    expect(retryAfterMs).toBe(59_950);
    time += retryAfterMs - 1;
    expect(quotas.take([five])?.rule).toBe(five.rule);
    time += 1;
    expect(quotas.take([five])).toBeUndefined();
  });

  it('counts each value by itself where the rule says so', () => {
    const quotas = createQuotas();
    const of = (key: string): RuleLimit => ({ ...once, key });
    expect(quotas.take([of('["a"]')])).toBeUndefined();
    expect(quotas.take([of('["b"]')])).toBeUndefined();
    expect(quotas.take([of('["a"]')])?.rule).toBe(once.rule);
    expect(quotas.take([once])).toBeUndefined();
    expect(quotas.take([once])?.rule).toBe(once.rule);
  });

  it('RL8 of more values than are counted refuses the new ones, and knows the old', () => {
    const quotas = createQuotas();
    const of = (i: number): RuleLimit => ({ ...once, key: `[${i}]` });
    for (let i = 0; i < MAX_KEYS; i++) expect(quotas.take([of(i)])).toBeUndefined();
    for (let i = MAX_KEYS; i < 2 * MAX_KEYS; i++)
      expect(quotas.take([of(i)])?.reason).toBe(
        'repo/once counts by more values than can be counted',
      );
    expect(quotas.take([of(0)])?.reason).toContain('allows 1 time a session');
    expect(quotas.take([limitOf('repo/other', { key: '[1]' })])).toBeUndefined();
  });

  it('RL8 makes room for new values only when old ones have nothing left to count', () => {
    let time = 0;
    const quotas = createQuotas({ now: () => time });
    const of = (i: number): RuleLimit =>
      limitOf('repo/rate', { limit: { count: 1, per: 'minute' }, key: `[${i}]` });
    for (let i = 0; i < MAX_KEYS; i++, time++) expect(quotas.take([of(i)])).toBeUndefined();
    expect(quotas.take([of(-1)])?.rule?.id).toBe('repo/rate');
    time = 60_000;
    expect(quotas.take([of(-1)])).toBeUndefined();
    expect(quotas.take([of(-2)])?.rule?.id).toBe('repo/rate');
    expect(quotas.take([of(1)])?.retryAfterMs).toBe(1);
  });

  it('of bytes ends the rule, however few are asked for next', () => {
    const quotas = createQuotas();
    expect(quotas.spend([bytes], 90)).toBeUndefined();
    expect(quotas.spend([bytes], 11)?.reason).toBe(
      'repo/bytes lets 100B out, and this would be more',
    );
    expect(quotas.spend([bytes], 1)?.rule).toBe(bytes.rule);
    expect(quotas.take([bytes])?.rule).toBe(bytes.rule);
  });

  it('is counted for the session around, too, and not for the one beside', () => {
    const outer = createQuotas();
    const [first, second] = [createQuotas({ outer }), createQuotas({ outer })];
    const above = { ...once, depth: 1 };
    const own = limitOf('repo/own', { limit: { count: 1, per: 'session' } });
    expect(first.take([own, above])).toBeUndefined();
    expect(second.take([own, above])?.rule).toBe(once.rule);
    expect(second.take([own])).toBeUndefined();
    expect(outer.take([once])?.rule).toBe(once.rule);
    expect(first.spend([{ ...bytes, depth: 1 }], 60)).toBeUndefined();
    expect(second.spend([{ ...bytes, depth: 1 }], 60)?.rule).toBe(bytes.rule);
  });

  it.each([
    ['minute', 60_000],
    ['hour', 3_600_000],
    ['day', 86_400_000],
  ] as const)('never happens more often in any %s than its rule says', (per, window) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: window / 2 }), { maxLength: 40 }),
        (count, pauses) => {
          let time = 0;
          const quotas = createQuotas({ now: () => time });
          const taken: number[] = [];
          for (const pause of pauses) {
            time += pause;
            // Naive: how many there were in the time that ends now.
            const recent = taken.filter((at) => at > time - window).length;
            const isTaken =
              quotas.take([limitOf('repo/rate', { limit: { count, per } })]) === undefined;
            expect(isTaken).toBe(recent < count);
            if (isTaken) taken.push(time);
          }
        },
      ),
    );
  });
});

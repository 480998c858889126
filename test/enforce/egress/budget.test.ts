import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/enforce/egress/budget.ts';

describe('what a session may send out', () => {
  it('is spent by the sessions it starts, too', () => {
    const outer = createBudget(100);
    const first = createBudget(100, outer);
    expect(first.spend(60)).toBeUndefined();
    const second = createBudget(100, outer);
    expect(second.spend(30)).toBeUndefined();
    expect(outer.spent()).toBe(90);
    expect(second.spend(30)).toContain('limits.egress');
    expect(first.exhausted()).toContain('limits.egress');
    expect(outer.spend(1)).toContain('limits.egress');
  });

  it('is no more for the limit of a session inside', () => {
    const outer = createBudget(undefined);
    const inner = createBudget(10, outer);
    expect(inner.spend(11)).toContain('10 bytes');
    expect(outer.exhausted()).toBeUndefined();
    expect(outer.spent()).toBe(0);
  });
});

// Calls that wait for answers: each of its own questions, side by side with others that look the same.
import { describe, expect, it } from 'vitest';

import { createRounds } from '../../../src/enforce/mcp/rounds.ts';

const MOST = 3;
const CALL = 'call';
const answers = { inputResponses: { a: {} } };

describe('calls that wait for answers', () => {
  it('take an answer only where a question was passed on', () => {
    const rounds = createRounds(MOST);
    expect(rounds.check(CALL, answers)).toBe('the server has not asked back for this call');
    expect(rounds.ask(CALL, {}, undefined)).toBeUndefined();
    expect(rounds.check(CALL, answers)).toBeUndefined();
    expect(rounds.check('another', answers)).toBe('the server has not asked back for this call');
  });

  it('are no less for another of the same name and arguments that ends', () => {
    const rounds = createRounds(MOST);
    rounds.ask(CALL, {}, 'one');
    rounds.ask(CALL, {}, 'two');
    rounds.done(CALL, { ...answers, requestState: 'two' });
    expect(rounds.check(CALL, { ...answers, requestState: 'one' })).toBeUndefined();
    expect(rounds.check(CALL, { ...answers, requestState: 'two' })).toContain('state');
    // One that was never asked anything says nothing of those that were.
    rounds.done(CALL, {});
    expect(rounds.check(CALL, { ...answers, requestState: 'one' })).toBeUndefined();
    rounds.done(CALL, { ...answers, requestState: 'one' });
    expect(rounds.check(CALL, answers)).toBe('the server has not asked back for this call');
  });

  it('may be given up as often as one likes, and asked back only so often', () => {
    const rounds = createRounds(MOST);
    for (let call = 0; call < 100; call++) expect(rounds.ask(CALL, {}, `s${call}`)).toBeUndefined();
    expect(rounds.check(CALL, { requestState: 's0' })).toContain('state');
    const retry = { ...answers, requestState: 's99' };
    for (let count = 1; count < MOST; count++)
      expect(rounds.ask(CALL, retry, 's99')).toBeUndefined();
    expect(rounds.ask(CALL, retry, 's99')).toBe('the server has asked back too often');
  });

  it.each([[1], [null], [{}]])('have no state that is %j', (requestState) => {
    const rounds = createRounds(MOST);
    rounds.ask(CALL, {}, 'one');
    expect(rounds.check(CALL, { requestState })).toContain('state');
  });
});

import { expect, test } from 'vitest';

import { evaluate, evaluateCondition, evaluateText } from '../support/runner/expression.ts';

const contexts = {
  github: { event: { pull_request: { number: 17, head: { ref: "a'b" } } }, ref: 'refs/heads/main' },
  env: { Name: 'value', EMPTY: '' },
  steps: { one: { outputs: { text: 'a}}b' } } },
  matrix: { node: [20, 24] },
};
const scope = { contexts, status: 'success' } as const;

test.each([
  ['plain', 'plain'],
  ['${{ github.event.pull_request.number }}', 17],
  ['#${{ github.event.pull_request.number }}!', '#17!'],
  ["${{ 'a}}b' }}", 'a}}b'],
  ["${{ format('{0}-{1}', env.name, 'x') }}", 'value-x'],
  ['${{ github.none.at.all }}', null],
  ['[${{ github.none }}]', '[]'],
  ["${{ env.EMPTY || 'default' }}", 'default'],
  ["${{ contains(github.ref, 'MAIN') }}", true],
  ['${{ toJSON(matrix.node) }}', '[\n  20,\n  24\n]'],
  ['${{ fromJSON(\'{"a":[1]}\').a[0] }}', 1],
  ['${{ steps.one.outputs.text }}', 'a}}b'],
  ["${{ startsWith(github.event.pull_request.head.ref, 'a''b') && 'yes' || 'no' }}", 'yes'],
])('evaluates %s', (template, value) => {
  expect(evaluate(template, scope)).toEqual(value);
});

test('an expression that is not closed or does not parse is an error', () => {
  expect(() => evaluate('${{ github.ref', scope)).toThrow(/not closed/);
  expect(() => evaluate('${{ github..ref }}', scope)).toThrow();
  expect(() => evaluate('${{ nowhere.ref }}', scope)).toThrow(/Unrecognized named-value/);
  expect(() => evaluate('${{ nothing() }}', scope)).toThrow(/Unrecognized function/);
});

test('what an expression gives is not looked at again', () => {
  const hostile = { contexts: { github: { title: '${{ secrets.A }}' } } };
  expect(evaluateText('${{ github.title }}', hostile)).toBe('${{ secrets.A }}');
});

test.each([
  [undefined, true, false, false],
  ['', true, false, false],
  ['always()', true, true, true],
  ['failure()', false, true, false],
  ['cancelled()', false, false, true],
  ['!cancelled()', true, true, false],
  ['${{ !cancelled() }}', true, true, false],
  ["github.ref == 'refs/heads/main'", true, false, false],
  ["github.ref == 'refs/heads/other'", false, false, false],
  ["failure() || github.ref == 'refs/heads/main'", true, true, true],
  ["'always()' == ''", false, false, false],
  [false, false, false, false],
  // A text with an expression in it is a text, and no empty one.
  ['${{ github.ref }} == 1', true, false, false],
])('the condition %s', (condition, success, failure, cancelled) => {
  expect(evaluateCondition(condition, { contexts, status: 'success' })).toBe(success);
  expect(evaluateCondition(condition, { contexts, status: 'failure' })).toBe(failure);
  expect(evaluateCondition(condition, { contexts, status: 'cancelled' })).toBe(cancelled);
});

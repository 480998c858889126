import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { faultsOfAction, faultsOfWorkflow } from '../support/runner/syntax.ts';

const job = (lines: string): string => `on: push\njobs:\n  a:\n    runs-on: x\n${lines}`;

test('a workflow as GitHub takes it', async () => {
  const text = job('    if: github.actor\n    steps: [{run: "echo ${{ secrets.A }}"}]');
  expect(await faultsOfWorkflow('a.yml', text)).toEqual([]);
});

test.each([
  ['an unknown key', job('    color: red\n    steps: [{run: a}]'), "Unexpected value 'color'"],
  ['a secret in a condition', job('    if: secrets.A\n    steps: [{run: a}]'), "'secrets'"],
  ['an expression cut short', job('    steps: [{run: "${{ github.a"}]'), 'expression'],
  ['no such event', 'on: pushed\njobs: {}', "'pushed'"],
  [
    'no such permission',
    `permissions: {checks: admin}\n${job('    steps: [{run: a}]')}`,
    "'admin'",
  ],
])('%s is refused, with its place', async (_, text, message) => {
  const [first = ''] = await faultsOfWorkflow('a.yml', text);
  expect(first).toContain(message);
  expect(first).toMatch(/\(Line: \d+, Col: \d+\)/);
});

test('an action file', async () => {
  const file = new URL('../fixtures/sample-action/action.yml', import.meta.url);
  const text = readFileSync(file, 'utf8');
  expect(await faultsOfAction('action.yml', text)).toEqual([]);
  expect(await faultsOfAction('action.yml', text.replace('main:', 'mian:'))).not.toEqual([]);
});

// What people are told of a call that is denied, and policy tests of calls.
import { describe, expect, test } from 'vitest';

import { explain } from '../../src/policy/explain.ts';
import { parseRequest } from '../../src/policy/request-syntax.ts';
import { withRules } from './mcp-support.ts';
import { answer, policyOf, type Texts } from './support.ts';

const SERVERS = 'servers: [{id: gh, command: [x]}]';
const repo = (rules: string): Texts => [['repo', `mcp: {${SERVERS}, ${rules}}`]];
const editOf = (texts: Texts, text: string): string => {
  const { request, error } = parseRequest(text);
  if (request === undefined) throw new Error(error);
  return explain(policyOf(texts), request).edit;
};
const grant = (rule: string): string =>
  `add to repo.yml (the repository's policy):\nmcp:\n  allow:\n    - ${rule}`;

describe('the smallest edit', () => {
  test.each([
    ['tool gh/create_issue {"title":"x"}', grant('{server: gh, tools: ["create_issue"]}')],
    ['prompt gh/summary', grant('{server: gh, prompts: ["summary"]}')],
    ['resource gh repo://acme/app', grant('{server: gh, resources: ["repo://acme/app"]}')],
    ['feature gh/sampling', grant('{server: gh, features: [sampling]}')],
    ['tool gh/a*b', 'no edit can allow this: no rule can name it'],
    ['resource gh file:///a/../b', 'no edit can allow this: the request is not in canonical form'],
    [
      'tool other/t',
      'define the tool server "other" under `mcp.servers`, with its `url` or `command`',
    ],
  ])('for %s', (request, edit) => expect(editOf(repo('allow: []'), request)).toBe(edit));

  test('where a rule names the tool, says which argument did not fit', () => {
    const rules =
      'allow: [{id: issues, server: gh, tools: [create_issue], arguments: {owner: {const: acme}, title: {maxLength: 5}}}]';
    expect(editOf(repo(rules), 'tool gh/create_issue {"owner":"x","title":"abc","more":1}')).toBe(
      "widen what `arguments` of repo/issues at repo.yml:2 says of `owner`, `more` (the repository's policy)",
    );
  });

  test('names the deny that stands before it', () => {
    const rules =
      'allow: [{server: gh, tools: ["*"]}], deny: [{id: no, server: "*", tools: ["delete_*"]}]';
    expect(editOf(repo(rules), 'tool gh/delete_repo {}')).toBe(
      "remove or narrow repo/no at repo.yml:2 (the repository's policy)",
    );
  });

  test('names the ceiling that a server exceeds', () => {
    const texts: Texts = [['org', ''], ...repo('allow: [{server: gh, tools: ["*"]}]')];
    expect(editOf(texts, 'tool gh/t')).toBe(
      'keep the tool server "gh" within what org.yml allows, or ask whoever owns that file',
    );
  });

  test('is offered to the ceiling above, too', () => {
    const texts: Texts = [['org', 'max: {mcp: {servers: [{id: gh}]}}'], ...repo('allow: []')];
    expect(editOf(texts, 'tool gh/t {}')).toContain('add to org.yml');
  });
});

test('an explanation says what every layer says of a call', () => {
  const policy = policyOf([
    ['org', 'max: {mcp: {servers: [{id: gh}], allow: [{server: gh, tools: [t]}]}}'],
    ['team', 'mcp: {deny: [{server: gh, tools: [u]}]}'],
    ['repo', `mcp: {${SERVERS}, allow: [{server: gh, tools: ["*"]}]}`],
  ]);
  const { considered, decision, request } = explain(policy, {
    kind: 'tool',
    server: 'gh',
    tool: 'u',
    arguments: { a: 1 },
  });
  expect(request).toBe('tool gh/u {"a":1}');
  expect(decision.rule.id).toBe('team/mcp.deny[0]');
  expect(
    considered.map(({ layer, allows, denies, ceiling }) => [
      layer,
      allows.length,
      denies.length,
      ceiling,
    ]),
  ).toEqual([
    ['builtin', 0, 0, 'none'],
    ['org', 0, 0, 'outside'],
    ['team', 0, 1, 'none'],
    ['repo', 1, 0, 'none'],
  ]);
});

test('requests of policy tests are read with and without arguments', () => {
  const policy = withRules(
    'allow: [{id: a, server: files, tools: [t], arguments: {p: {pattern: "[a-z]+"}}}]',
  );
  expect(answer(policy, 'tool files/t')).toBe('allow by repo/a');
  expect(answer(policy, 'tool files/t {"p":"x"}')).toBe('allow by repo/a');
  expect(answer(policy, 'tool files/t {"p":"1"}')).toBe('deny by builtin/default');
  expect(answer(policy, 'tool files/t ["x"]')).toBe('deny by builtin/malformed');
});

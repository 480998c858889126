// Templates that an agent is told of: those that some allow for resources could open.
import { expect, it, test } from 'vitest';

import { createTemplateJudge } from '../../src/policy/mcp-templates.ts';
import { withRules } from './mcp-support.ts';

const isOpen = (rules: string, template: string, server = 'files'): boolean =>
  createTemplateJudge(withRules(rules))(server, template);
const allow = (uris: string, server = 'files'): string =>
  `allow: [{server: ${server}, resources: [${uris}]}]`;

it.each([
  ['"note:///*"', 'note:///{day}/text', true],
  ['"note:///2026/text"', 'note:///{day}/text', true],
  ['"note:///2026/text"', 'note:///{day}/image', false],
  ['"file:///workspace/*"', 'file:///{+path}', true],
  ['"file:///workspace/*"', 'file:///etc/{name}', false],
  ['"file:///workspace/*"', '{+uri}', true],
  ['"file:///workspace/a"', 'file:///workspace/a', true],
  ['"file:///workspace/a"', 'file:///workspace/ab', false],
  ['"a:b*c*d"', 'a:{x}c{y}', true],
  ['"a:b*e*d"', 'a:bc{y}cd', true],
  ['"a:*x"', 'a:{n}y', false],
  ['"a:1", "b:*"', 'b:{x}', true],
  ['"*"', 'any:{x}', true],
])('resources %s open the template %s: %s', (uris, template, expected) => {
  expect(isOpen(allow(uris), template)).toBe(expected);
});

test('no rule for resources opens none', () => {
  expect(isOpen('allow: [{server: files, tools: ["*"], prompts: ["*"]}]', 'note:///{x}')).toBe(
    false,
  );
  expect(isOpen('deny: [{server: files, resources: ["*"]}]', 'note:///{x}')).toBe(false);
  expect(isOpen('allow: [{server: files, resources: []}]', 'note:///{x}')).toBe(false);
});

test("another server's rule opens none", () => {
  expect(isOpen(allow('"*"', 'gh'), 'note:///{x}')).toBe(false);
  expect(isOpen(allow('"*"', '"f*"'), 'note:///{x}')).toBe(true);
});

test('a template made to be slow is judged in bounded steps', () => {
  const judge = createTemplateJudge(withRules(allow(`"a:${'*a'.repeat(400)}b*"`)));
  for (let at = 0; at < 3000; at++) judge('files', `a:${'{x}a'.repeat(500)}${at}`);
  expect(judge('files', 'b:{x}')).toBe(false);
});

import { expect, it } from 'vitest';

import { mayMatch } from '../../../src/enforce/mcp/templates.ts';

it.each([
  ['note:///{day}/text', 'note:///monday/text', true],
  ['note:///{day}/text', 'note:///a/b/text', true],
  ['note:///{day}/text', 'note:///monday/texts', false],
  ['note:///{day}/text', 'other:///monday/text', false],
  ['note:///{day}/text', 'note:////text', true],
  // The two literals would have to share a slash.
  ['note:///{day}/text', 'note:///text', false],
  ['a{+x}b{?y,z}c', 'a1b2c', true],
  ['a{+x}b{?y,z}c', 'a1c2b', false],
  ['{any}', '', true],
  ['file:///a', 'file:///a', true],
  ['file:///a', 'file:///ab', false],
])('the template %s may stand for %s: %s', (template, uri, expected) => {
  expect(mayMatch(template, uri)).toBe(expected);
});

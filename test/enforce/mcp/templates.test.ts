import { expect, it } from 'vitest';

import { mayMatch } from '../../../src/enforce/mcp/templates.ts';
import { createRig } from '../../support/mcp/rig.ts';

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

it('a template that no rule could open is neither shown nor completed', async () => {
  const rig = await createRig({
    isTemplateOpen: (server, template) => server === 'gh' && template.startsWith('note:'),
  });
  rig.upstream.on('resources/templates/list', ({ answer }) =>
    answer({
      result: {
        resourceTemplates: [
          { uriTemplate: 'note:///{day}', name: 'notes' },
          { uriTemplate: 'file:///{+path}', name: 'files' },
        ],
      },
    }),
  );
  const session = await rig.begin();
  const { message } = await rig.legacy(session, 'resources/templates/list');
  expect(message['result']).toEqual({
    resourceTemplates: [{ uriTemplate: 'note:///{day}', name: 'notes' }],
  });
  const complete = (uri: string) =>
    rig.legacy(session, 'completion/complete', {
      ref: { type: 'ref/resource', uri },
      argument: { name: 'a', value: 'v' },
    });
  expect((await complete('file:///{+path}')).message).toMatchObject({ error: { code: -32602 } });
  expect(rig.upstream.of('completion/complete')).toHaveLength(0);
  expect((await complete('note:///{day}')).message).toHaveProperty('result');
  await rig.close();
});

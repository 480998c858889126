// BP4 BP5: what a prompt brings is read as what a tool brings: links, images and kinds of content, in one block or in a list of them.
import { afterEach, describe, expect, it } from 'vitest';

import { createPins } from '../../../src/enforce/mcp/pins/create-pins.ts';
import type { Request } from '../../../src/model/request.ts';
import { rules } from '../../support/mcp/fakes.ts';
import type { Json } from '../../support/mcp/recorder.ts';
import { createRig, type Rig } from '../../support/mcp/rig.ts';
import { rig as contentRig } from './content/support.ts';

let rig: Rig;
afterEach(() => rig.close());

const REMARK = {
  type: 'text',
  text: '[a link to a resource that the policy does not open was left out]',
};
const OPEN = { type: 'resource_link', uri: 'file:///workspace/a', name: 'a' };
const HIDDEN = { type: 'resource_link', uri: 'file:///etc/shadow', name: 's' };
const isOpen = (request: Request): boolean =>
  request.kind !== 'resource' || request.uri === OPEN.uri;

async function prompt(messages: Json[], results?: object): Promise<Json> {
  rig = await createRig({
    pins: createPins({}),
    content: contentRig().content,
    decide: rules(isOpen, results && { results }),
  });
  rig.upstream.on('prompts/get', ({ answer }) => answer({ result: { messages } }));
  const session = await rig.begin();
  const { message } = await rig.legacy(session, 'prompts/get', { name: 'hello' });
  return message['result'] as Json;
}
const says = (content: unknown): Json => ({ role: 'user', content });

describe('a message of a prompt', () => {
  it('BP5 has no link to what may not be read', async () => {
    const result = await prompt([says(HIDDEN), says(OPEN), says([HIDDEN, OPEN])]);
    expect(result['messages']).toEqual([says(REMARK), says(OPEN), says([REMARK, OPEN])]);
    expect(rig.alerts()).toContain('a link to a resource that may not be read was left out');
  });

  it.each([
    [
      'an image that is fetched',
      { type: 'text', text: '![x](https://evil.test/?q=1)' },
      'exfiltration-link',
    ],
    [
      'an image in a list',
      [{ type: 'text', text: '<img src="https://evil.test/?q=1">' }],
      'exfiltration-link',
    ],
    [
      'an odd place',
      { type: 'resource', resource: { uri: 'file:///etc/passwd', text: 'x' } },
      'odd-link',
    ],
    [
      'an odd place in a list',
      [{ type: 'resource', resource: { uri: 'file:///x', text: '' } }],
      'odd-link',
    ],
  ])('RS11 that brings %s is marked', async (_, content, detector) => {
    const result = await prompt([says(content)]);
    expect(JSON.stringify(result['_meta'])).toContain(`"detector":"${detector}"`);
    expect(rig.alerts()).toContain(`content-in:${detector}`);
  });

  it('brings only the kinds of content that its rule names', async () => {
    const image = { type: 'image', data: 'AAAA', mimeType: 'image/png' };
    const text = { type: 'text', text: 'x' };
    const result = await prompt([says(image), says([image, text]), says(text), 'x' as never], {
      types: ['text'],
    });
    expect(result['messages']).toEqual([says([text]), says(text)]);
  });
});

// Names on the address of all servers: whatever is sent leads to the one thing that is shown so, or nowhere.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { placeOf, shownDefinition, shownUri } from '../../../src/enforce/mcp/unified/names.ts';
import { shownName } from '../../../src/enforce/mcp/pins/names.ts';
import type { Core, ServerState } from '../../../src/enforce/mcp/state.ts';

const IDS = ['a', 'a-b', '-', '0', 'a'.repeat(32)];
const core = {
  servers: new Map(IDS.map((id) => [id, { id } as ServerState])),
} as unknown as Core;
const id = fc.constantFrom(...IDS);
const text = fc.oneof(fc.string({ minLength: 1 }), fc.stringMatching(/^[A-Za-z0-9_.+:-]{1,80}$/));
/** no half of a character in it */
const isWhole = (one: string): boolean => Buffer.from(one).toString() === one;
/** replayed by its seed, which a failure prints */
const runs = { numRuns: 2000 };

it('a URI comes back as it was, to its own server', () => {
  fc.assert(
    fc.property(id, text, (server, uri) => {
      const place = placeOf(core, 'resource', shownUri(server, uri));
      expect([place?.server.id, place?.name]).toEqual([server, uri]);
    }),
    runs,
  );
});

it('a name that is not cut comes back as it was, to its own server', () => {
  fc.assert(
    fc.property(id, text, (server, name) => {
      const shown = shownName(server, name);
      expect(shown.length).toBeLessThanOrEqual(64);
      expect(isWhole(shown)).toBe(isWhole(name));
      const place = placeOf(core, 'tool', shown);
      expect(place?.server.id).toBe(server);
      if (shown.length < 64) expect(place?.name).toBe(name);
    }),
    runs,
  );
});

it('what leads somewhere is what is shown there', () => {
  const parts = fc.constantFrom('a', 'b', '-', '_', '__', '+', 'mcp', 'mcp+', 'x:', 'A', '\u0000');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), (all) => {
      const shown = all.join('');
      const tool = placeOf(core, 'tool', shown);
      if (tool !== undefined) expect(`${tool.server.id}__${tool.name}`).toBe(shown);
      const resource = placeOf(core, 'resource', shown);
      if (resource !== undefined) expect(shownUri(resource.server.id, resource.name)).toBe(shown);
    }),
    runs,
  );
});

it('a cut name is whole characters, and another for another name', () => {
  const names = Array.from({ length: 60 }, (_, at) => `${'x'.repeat(at)}😀${'y'.repeat(80)}`);
  const shown = names.map((name) => shownDefinition('a', 'prompt', { name })['name'] as string);
  expect(shown.every((one) => isWhole(one) && one.length <= 64)).toBe(true);
  expect(new Set(shown).size).toBe(names.length);
});

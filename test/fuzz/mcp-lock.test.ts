import { expect, it } from 'vitest';

import { readLock } from '../../src/enforce/mcp/pins/lock-reader.ts';
import { writeLock } from '../../src/enforce/mcp/pins/lock-writer.ts';
import { digestOf } from '../../src/enforce/mcp/pins/digest.ts';
import { SandboxError } from '../../src/model/error.ts';
import { lockWith, tool } from '../enforce/mcp/pins/support.ts';
import { createRandom } from '../support/random.ts';

const PIECES = [
  '"tools": [',
  '{}',
  '[]',
  'null',
  '"digest": "sha256:',
  '"__proto__": {}',
  '"at": {',
  '\\u0000',
  '1e400',
  ',',
  '}',
  ']',
  '"era": "modern",',
  '"definition": {"name": "x"}',
  '\u202e',
  '"servers": {',
  '-1',
  '"',
] as const;

it('refuses by name, or reads what it writes again, whatever is done to a lock', () => {
  const random = createRandom('mcp lock');
  const whole = writeLock(
    lockWith([tool(), tool({ name: 'b', description: 'x'.repeat(200) })]),
  ).toString();
  let read = 0;
  for (let round = 0; round < 3000; round++) {
    let text = whole;
    for (let count = random.below(4); count > 0; count--) {
      const at = random.below(text.length + 1);
      const kind = random.below(4);
      if (kind === 0) text = text.slice(0, at) + random.pick(PIECES) + text.slice(at);
      else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1 + random.below(20));
      else if (kind === 2)
        text = text.slice(0, at) + String.fromCharCode(random.below(0x180)) + text.slice(at + 1);
      else text = text.slice(0, at) + text.slice(random.below(text.length + 1));
    }
    try {
      const lock = readLock(Buffer.from(text));
      read++;
      expect(readLock(writeLock(lock))).toEqual(readLock(writeLock(readLock(writeLock(lock)))));
      for (const server of Object.values(lock.servers))
        for (const { digest, definition } of [...server.tools, ...server.prompts])
          expect(digest).toBe(digestOf(definition));
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error;
      expect(error.code).toMatch(/^MCP_LOCK_(SIZE|JSON|VERSION|SHAPE|DIGEST)$/);
      expect(error.message).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,900}$/u);
    }
  }
  expect(read).toBeGreaterThan(300);
});

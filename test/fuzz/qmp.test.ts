// A QEMU that was taken over says whatever it likes on the control connection.

import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openQmp } from '../../src/engine/qmp.ts';
import { createRandom, type Random } from '../support/random.ts';

const ROUNDS = 300;

describe('the control connection', () => {
  it('ends every command with an answer or an error, whatever comes back', async () => {
    const random = createRandom('qmp');
    for (let round = 0; round < ROUNDS; round += 1) {
      const stream = new Duplex({
        read: () => undefined,
        write: (_chunk, _encoding, done) => done(),
      });
      const opening = openQmp(stream, 30).then(
        async (qmp) => {
          qmp.onEvent(() => undefined);
          return Promise.allSettled([
            qmp.execute('stop', undefined, 30),
            qmp.execute('cont', undefined, 30),
          ]);
        },
        (error: unknown) => error,
      );
      for (const part of messages(random)) stream.push(part);
      expect(await opening).toBeDefined();
      stream.destroy();
    }
  });
});

const PARTS = [
  '{"QMP":{}}\n',
  '{"return":{}}\n',
  '{"event":"STOP","data":null}\n',
  '{"event":7}\n',
  '{"error":{"desc":[]}}\n',
  '{"error":null}\n',
  '{"return"',
  'null\n',
  '"\\ud800"\n',
  '\n\n\r\n',
  '{"__proto__":{"return":1}}\n',
] as const;

function messages(random: Random): Buffer[] {
  const parts: Buffer[] = random.chance(0.7) ? [Buffer.from(PARTS[0]), Buffer.from(PARTS[1])] : [];
  for (let count = random.below(8); count > 0; count -= 1) {
    parts.push(
      random.chance(0.3) ? random.bytes(random.below(200)) : Buffer.from(random.pick(PARTS)),
    );
  }
  return parts;
}

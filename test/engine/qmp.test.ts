import { PassThrough, Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openQmp } from '../../src/engine/qmp.ts';

/** The far end of a control connection: what QEMU reads, and where it writes. */
function connect(
  answer: (command: { execute: string; arguments?: unknown }) => string | undefined,
): {
  stream: Duplex;
  say: (text: string) => void;
} {
  const fromQemu = new PassThrough();
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const reply = answer(JSON.parse(line) as { execute: string });
        if (reply !== undefined) fromQemu.write(reply);
      }
      done();
    },
  });
  fromQemu.on('data', (chunk) => stream.push(chunk));
  return { stream, say: (text) => fromQemu.write(text) };
}

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';
const GOOD = '{"return": {}}\r\n';

describe('openQmp', () => {
  it('shakes hands, answers commands in order and hands events on', async () => {
    const { stream, say } = connect(({ execute }) =>
      execute === 'query-status'
        ? '{"event": "STOP", "data": {"a": 1}}\r\n{"return": {"status": "paused"}}\r\n'
        : GOOD,
    );
    say(GREETING);
    const qmp = await openQmp(stream, 1000);
    const events: string[] = [];
    qmp.onEvent((event) => events.push(event.name));
    const [first, second] = await Promise.all([qmp.execute('query-status'), qmp.execute('cont')]);
    expect(first).toEqual({ status: 'paused' });
    expect(second).toEqual({});
    expect(events).toEqual(['STOP']);
  });

  it('puts together a message that comes in pieces', async () => {
    const { stream, say } = connect(() => GOOD);
    for (const letter of GREETING) say(letter);
    await expect(openQmp(stream, 1000)).resolves.toBeDefined();
  });

  it("fails with QEMU's own words when a command is refused", async () => {
    const { stream, say } = connect(({ execute }) =>
      execute === 'qmp_capabilities'
        ? GOOD
        : '{"error": {"class": "GenericError", "desc": "no such thing"}}\r\n',
    );
    say(GREETING);
    const qmp = await openQmp(stream, 1000);
    await expect(qmp.execute('migrate')).rejects.toMatchObject({
      code: 'ENGINE_QMP',
      message: 'QEMU refused migrate: no such thing',
    });
  });

  it('fails every waiting command when QEMU goes away', async () => {
    const { stream, say } = connect(({ execute }) =>
      execute === 'qmp_capabilities' ? GOOD : undefined,
    );
    say(GREETING);
    const qmp = await openQmp(stream, 1000);
    const waiting = [qmp.execute('stop'), qmp.execute('cont')];
    stream.destroy();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'ENGINE_QMP' });
    await expect(qmp.execute('cont')).rejects.toMatchObject({ code: 'ENGINE_QMP' });
  });

  it('gives a command its time and no more', async () => {
    const { stream, say } = connect(({ execute }) =>
      execute === 'qmp_capabilities' ? GOOD : undefined,
    );
    say(GREETING);
    const qmp = await openQmp(stream, 1000);
    await expect(qmp.execute('stop', undefined, 20)).rejects.toThrow('did not answer stop');
  });

  const hostile: [string, string][] = [
    ['a line that is no JSON', 'garbage\n'],
    ['a line that is no object', '[1]\n'],
    ['an answer nobody asked for', GREETING + GOOD + GOOD + GOOD],
    ['a line without end', 'x'.repeat(1024 * 1024 + 1)],
    ['silence', ''],
  ];
  for (const [what, text] of hostile) {
    it(`refuses ${what}`, async () => {
      const { stream, say } = connect(() => undefined);
      say(text);
      await expect(openQmp(stream, 50)).rejects.toMatchObject({ code: 'ENGINE_QMP' });
      expect(stream.destroyed).toBe(true);
    });
  }
});

import { describe, expect, it } from 'vitest';

import { createHelloGate, MAX_HELLO } from '../../../src/enforce/egress/hello-gate.ts';
import type { GateStep, HelloGate } from '../../../src/enforce/egress/hello-gate.ts';
import {
  captureHello,
  handshake,
  hello,
  helloBody,
  records,
  RETRY_RANDOM,
  serverHello,
  serverName,
} from '../../support/tls.ts';
import type { HelloParts } from '../../support/tls.ts';

const NAME = 'allowed.test';
const FINAL_RANDOM = Buffer.alloc(32, 9);

/** Feeds bytes in pieces and gathers what came of it. */
function feed(
  gate: HelloGate,
  bytes: Buffer,
  size = bytes.length,
): { released: Buffer; refusal: string | undefined } {
  const steps: GateStep[] = [];
  for (let at = 0; at < bytes.length; at += size)
    steps.push(gate.client(bytes.subarray(at, at + size)));
  return {
    released: Buffer.concat(steps.flatMap((step) => step.release)),
    refusal: steps.find((step) => step.refusal !== undefined)?.refusal,
  };
}

function helloOf(parts: HelloParts): Buffer {
  return records(handshake(1, helloBody(parts)));
}

function refusalOf(bytes: Buffer, name: string | undefined = NAME): string | undefined {
  const { released, refusal } = feed(createHelloGate(name), bytes);
  if (refusal !== undefined) expect(released).toHaveLength(0);
  return refusal;
}

describe('a hello on a connection that was decided by name', () => {
  it('is released whole when it names the server that was decided', async () => {
    for (const options of [
      {},
      { ALPNProtocols: ['h2', 'http/1.1'] },
      { maxVersion: 'TLSv1.2' as const },
    ]) {
      const bytes = await captureHello({ servername: NAME, ...options });
      expect(feed(createHelloGate(NAME), bytes)).toEqual({ released: bytes, refusal: undefined });
    }
  });

  it('is released only when its last byte has come, whatever the pieces', async () => {
    const bytes = await captureHello({ servername: NAME });
    for (const size of [1, 2, 3, 5, 64]) {
      const gate = createHelloGate(NAME);
      expect(feed(gate, bytes.subarray(0, -1), size)).toEqual({
        released: Buffer.alloc(0),
        refusal: undefined,
      });
      expect(gate.client(bytes.subarray(-1)).release).toEqual([bytes]);
    }
  });

  it('may be split over many records', () => {
    for (const size of [1, 3, 50]) {
      const bytes = records(handshake(1, helloBody({ extensions: [serverName(NAME)] })), size);
      expect(feed(createHelloGate(NAME), bytes)).toEqual({ released: bytes, refusal: undefined });
    }
  });

  it('may spell the name in capitals', () => {
    expect(refusalOf(hello('AlLoWeD.TEST'))).toBeUndefined();
  });

  it('N11: is refused when it names another server, and the message shows the claim escaped and short', () => {
    expect(refusalOf(hello('blocked.test'))).toBe(
      'the TLS hello asks for "blocked.test", and this connection was decided for allowed.test',
    );
    expect(refusalOf(hello('a\n::error::"\\\x1b[31m\u00e9'))).toContain(
      '"a\\x0a::error::\\x22\\x5c\\x1b[31m\\xc3\\xa9"',
    );
    expect(refusalOf(hello('x'.repeat(300)))?.length).toBeLessThan(200);
  });

  it.each([
    'evilallowed.test',
    'allowed.test.blocked.test',
    'allowed.testx',
    'x.allowed.test',
    'allowed.test.',
    ' allowed.test',
    'allowed.test\0',
    'allowed.test\0.x',
  ])('N20: is refused when it names %j', (claim) => {
    expect(refusalOf(hello(claim))).toContain('asks for');
  });

  it('N14: is refused without a server name', async () => {
    expect(refusalOf(await captureHello({}))).toContain('names no server');
    expect(refusalOf(helloOf({ extensions: [] }))).toContain('names no server');
    expect(refusalOf(helloOf({ extensions: undefined }))).toContain('names no server');
  });

  it.each<[string, Buffer]>([
    ['an empty server name', helloOf({ extensions: [serverName('')] })],
    ['an empty list of names', helloOf({ extensions: [serverName()] })],
    ['an empty extension', helloOf({ extensions: [[0, Buffer.alloc(0)]] })],
    ['two names', helloOf({ extensions: [serverName(NAME, 'blocked.test')] })],
    ['two lists of names', helloOf({ extensions: [serverName(NAME), serverName('blocked.test')] })],
    [
      'a name of another kind',
      helloOf({
        extensions: [[0, Buffer.concat([Buffer.from([0, 15, 1, 0, 12]), Buffer.from(NAME)])]],
      }),
    ],
    [
      'bytes behind the list',
      helloOf({ extensions: [[0, Buffer.concat([serverName(NAME)[1], Buffer.from([0])])]] }),
    ],
    [
      'bytes behind the extensions',
      helloOf({ extensions: [serverName(NAME)], trailing: Buffer.from([0]) }),
    ],
    ['half a cipher suite', helloOf({ extensions: [serverName(NAME)], suites: Buffer.from([1]) })],
    ['no cipher suites', helloOf({ extensions: [serverName(NAME)], suites: Buffer.alloc(0) })],
    [
      'a session id of 33 bytes',
      helloOf({ extensions: [serverName(NAME)], sessionId: Buffer.alloc(33) }),
    ],
    ['version 2', helloOf({ extensions: [serverName(NAME)], version: 0x0200 })],
    ['an empty record first', Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), hello(NAME)])],
    ['an alert first', Buffer.concat([Buffer.from([21, 3, 1, 0, 2, 1, 112]), hello(NAME)])],
    ['a change of cipher first', Buffer.concat([Buffer.from([20, 3, 3, 0, 1, 1]), hello(NAME)])],
    ['application data first', Buffer.concat([Buffer.from([23, 3, 3, 0, 1, 1]), hello(NAME)])],
    ['a record of version 1', Buffer.concat([Buffer.from([22, 1]), hello(NAME).subarray(2)])],
    ['an alert between its records', interrupted()],
    [
      'a second hello in its record',
      records(
        Buffer.concat([
          handshake(1, helloBody({ extensions: [serverName(NAME)] })),
          handshake(1, Buffer.alloc(9)),
        ]),
      ),
    ],
    ['another message', records(handshake(11, Buffer.alloc(9)))],
    [
      'a record of 16385 bytes',
      Buffer.concat([Buffer.from([22, 3, 1, 0x40, 1]), Buffer.alloc(0x4001)]),
    ],
    ['SSL 2 form', Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 3, 0, 0, 0, 16, 1, 0, 128])],
    ['SSL 2 itself', Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 128])],
  ])('is refused with %s', (_what, bytes) => {
    expect(refusalOf(bytes)).toMatch(/malformed|SSL 2|client hello/);
  });

  it('is refused when it is longer than 64 KiB', () => {
    const long = records(
      handshake(
        1,
        helloBody({
          extensions: [
            serverName(NAME),
            [0x1234, Buffer.alloc(65_000)],
            [0x1235, Buffer.alloc(500)],
          ],
        }),
      ),
    );
    expect(refusalOf(long)).toContain('malformed');
    const gate = createHelloGate(NAME);
    const endless = records(handshake(1, Buffer.alloc(60_000)), 1);
    const { refusal } = feed(gate, endless, 1000);
    expect(refusal).toContain(`more than ${MAX_HELLO} bytes`);
    expect(gate.heldBytes()).toBe(0);
  });

  it('is refused when it is encrypted, in any draft of it, and when that is only pretence', () => {
    for (const type of [0xfe0d, 0xfe09, 0xffce]) {
      expect(refusalOf(hello(NAME, [[type, Buffer.alloc(64)]]))).toContain('encrypted (ECH)');
    }
  });

  it('is refused when the client ends before it is complete', () => {
    const gate = createHelloGate(NAME);
    feed(gate, hello(NAME).subarray(0, -1));
    expect(gate.clientEnd().refusal).toContain('before it is complete');
  });

  it('releases nothing after a refusal', () => {
    const gate = createHelloGate(NAME);
    feed(gate, hello('blocked.test'));
    expect(gate.client(hello(NAME)).release).toEqual([]);
    expect(gate.server(serverHello(FINAL_RANDOM)).release).toEqual([]);
    expect(gate.clientEnd().release).toEqual([]);
  });
});

function interrupted(): Buffer {
  const parts = records(handshake(1, helloBody({ extensions: [serverName(NAME)] })), 40);
  return Buffer.concat([
    parts.subarray(0, 45),
    Buffer.from([21, 3, 1, 0, 2, 1, 112]),
    parts.subarray(45),
  ]);
}

describe('what follows a good hello', () => {
  const early = records(Buffer.from('early data'), 100, 23);

  it('waits for the server, and passes when the server asks for no second hello', () => {
    const gate = createHelloGate(NAME);
    expect(feed(gate, Buffer.concat([hello(NAME), early])).released).toEqual(hello(NAME));
    expect(gate.client(early).release).toEqual([]);
    const answer = serverHello(FINAL_RANDOM);
    expect(gate.server(answer.subarray(0, 40)).release).toEqual([]);
    expect(Buffer.concat(gate.server(answer.subarray(40)).release)).toEqual(
      Buffer.concat([early, early]),
    );
    expect(gate.client(Buffer.from('anything')).release).toEqual([Buffer.from('anything')]);
  });

  it('passes when the server answers with an alert and a hello, or with no TLS at all', () => {
    for (const answer of [
      Buffer.concat([Buffer.from([21, 3, 3, 0, 2, 1, 112]), serverHello(FINAL_RANDOM)]),
      Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
    ]) {
      const gate = createHelloGate(NAME);
      feed(gate, Buffer.concat([hello(NAME), early]));
      expect(gate.server(answer).release).toEqual([early]);
      expect(gate.phase()).toBe('open');
    }
  });

  it('is judged again when the server asks for a second hello', () => {
    const changeCipher = Buffer.from([20, 3, 3, 0, 1, 1]);
    const gate = createHelloGate(NAME);
    feed(gate, Buffer.concat([hello(NAME), early]));
    expect(gate.server(serverHello(RETRY_RANDOM)).release).toEqual([early]);
    expect(gate.client(changeCipher).release).toEqual([changeCipher]);
    const second = hello(NAME, [[0x2c, Buffer.alloc(4)]]);
    expect(feed(gate, Buffer.concat([second, early]), 7).released).toEqual(
      Buffer.concat([second, early]),
    );
    expect(gate.phase()).toBe('open');
  });

  it('N11: is refused when the second hello names another server, sent early or late, in one piece or in bytes', () => {
    for (const size of [1, 10_000]) {
      const late = createHelloGate(NAME);
      feed(late, hello(NAME));
      expect(late.server(serverHello(RETRY_RANDOM)).refusal).toBeUndefined();
      expect(feed(late, hello('blocked.test'), size)).toMatchObject({
        released: Buffer.alloc(0),
        refusal: expect.stringContaining('blocked.test') as string,
      });
      const soon = createHelloGate(NAME);
      expect(
        feed(soon, Buffer.concat([hello(NAME), hello('blocked.test')]), size).released,
      ).toEqual(hello(NAME));
      expect(soon.server(serverHello(RETRY_RANDOM)).refusal).toContain('blocked.test');
    }
  });
});

describe('bytes that are no TLS', () => {
  it.each([
    'SSH-2.0-x\r\n',
    'GET / HTTP/1.1\r\n',
    '\x00\x00\x00\x08\x04\xd2\x16\x2f',
    '*1\r\n',
    '\x10\x0c\x00\x04MQTT',
  ])('N10: pass at once: %j', (text) => {
    const bytes = Buffer.from(text, 'latin1');
    const gate = createHelloGate(NAME);
    expect(gate.client(bytes).release).toEqual([bytes]);
    expect(gate.protocol()).toBe('other');
  });

  it('pass once it is clear that they are none', () => {
    const gate = createHelloGate(NAME);
    expect(feed(gate, Buffer.from([0x16]))).toEqual({
      released: Buffer.alloc(0),
      refusal: undefined,
    });
    expect(gate.client(Buffer.from([0x20])).release).toEqual([Buffer.from([0x16, 0x20])]);
  });

  it('pass when the client ends before it is clear', () => {
    const gate = createHelloGate(NAME);
    feed(gate, Buffer.from([0x16]));
    expect(gate.clientEnd()).toEqual({ release: [Buffer.from([0x16])] });
  });
});

describe('a connection that was decided by address', () => {
  it('passes TLS with any server name and with none', async () => {
    for (const bytes of [
      await captureHello({}),
      await captureHello({ servername: 'any.test' }),
      hello('other.test'),
    ]) {
      const gate = createHelloGate(undefined);
      expect(feed(gate, bytes)).toEqual({ released: bytes, refusal: undefined });
      expect(gate.phase()).toBe('open');
    }
  });

  it('refuses an encrypted and a malformed hello all the same', () => {
    const gate = createHelloGate(undefined);
    expect(feed(gate, hello(NAME, [[0xfe0d, Buffer.alloc(8)]])).refusal).toContain(
      'encrypted (ECH)',
    );
    expect(
      feed(createHelloGate(undefined), helloOf({ extensions: [serverName('')] })).refusal,
    ).toContain('malformed');
  });
});

// The first bytes of an inspected connection: TLS for the decided name, a plain HTTP/1.1 request, or nothing that can be judged.

import type { Duplex } from 'node:stream';

import { createHelloGate } from '../hello-gate.ts';
import type { CheckId } from '../judge.ts';

export type Opening =
  | { kind: 'tls' | 'http' }
  | { kind: 'refused'; check: Extract<CheckId, 'egress-hello' | 'egress-http'>; reason: string }
  /** the guest went away without a word */
  | { kind: 'gone' };

export interface OpeningLimits {
  /** milliseconds from the first byte to a complete hello or method */
  hello: number;
  /** milliseconds to the first byte */
  keepAlive: number;
}

const MAX_METHOD = 32;
const METHOD_AND_SPACE = /^[A-Z][A-Z0-9_-]* /;
const PART_OF_METHOD = /^[A-Z][A-Z0-9_-]*$/;
/** what a client of HTTP/2 without TLS begins with (RFC 9113 §3.4) */
const H2_PREFACE = 'PRI ';

/** Looks at the first bytes and puts them back. */
export function readOpening(
  guest: Duplex,
  name: string | undefined,
  limits: OpeningLimits,
): Promise<Opening> {
  const gate = createHelloGate(name);
  const read: Buffer[] = [];
  return new Promise((resolve) => {
    const first = setTimeout(() => finish(late('no byte came')), limits.keepAlive);
    let whole: NodeJS.Timeout | undefined;

    function finish(opening: Opening): void {
      clearTimeout(first);
      clearTimeout(whole);
      guest.off('data', onData);
      guest.off('end', onEnd);
      guest.off('close', onEnd);
      guest.pause();
      const isWanted = opening.kind === 'tls' || opening.kind === 'http';
      if (isWanted && !guest.destroyed && !guest.readableEnded) guest.unshift(Buffer.concat(read));
      resolve(opening);
    }

    function onData(chunk: Buffer): void {
      clearTimeout(first);
      whole ??= setTimeout(() => finish(late('the first bytes were not complete')), limits.hello);
      read.push(chunk);
      const step = gate.client(chunk);
      if (step.refusal !== undefined) {
        finish({ kind: 'refused', check: 'egress-hello', reason: step.refusal });
        return;
      }
      if (gate.protocol() === 'unknown') return;
      if (gate.protocol() === 'tls') {
        if (step.release.length > 0) finish({ kind: 'tls' });
        return;
      }
      const opening = readMethod(Buffer.concat(read));
      if (opening !== undefined) finish(opening);
    }

    function onEnd(): void {
      finish(read.length === 0 ? { kind: 'gone' } : notHttp());
    }

    guest.on('data', onData);
    guest.on('end', onEnd);
    guest.on('close', onEnd);
    guest.resume();
  });
}

function readMethod(bytes: Buffer): Opening | undefined {
  const head = bytes.subarray(0, MAX_METHOD + 1).toString('latin1');
  if (head.startsWith(H2_PREFACE))
    return refused('HTTP/2 without TLS is not read here; use HTTP/1.1');
  if (METHOD_AND_SPACE.test(head)) return { kind: 'http' };
  return head.length <= MAX_METHOD && PART_OF_METHOD.test(head) ? undefined : notHttp();
}

function notHttp(): Opening {
  return refused(
    'only HTTP requests can be judged here: this connection begins with something else',
  );
}

function refused(reason: string): Opening {
  return { kind: 'refused', check: 'egress-http', reason };
}

function late(what: string): Opening {
  return refused(`${what} in time, and only requests can be judged here`);
}

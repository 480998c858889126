// Connects to the first of some checked addresses that answers (RFC 8305 in small: the next one starts a moment later).
// Invariant: only the given addresses are dialled; no name is looked up here.

import net from 'node:net';

import { SandboxError, errnoOf, messageOf } from '../../model/error.ts';

/** Starts a connection to an address literal. */
export type Dial = (address: string, port: number) => net.Socket;

export const dialAddress: Dial = (address, port) =>
  net.connect({
    host: address,
    port,
    allowHalfOpen: true,
    autoSelectFamily: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  });

export interface DialOptions {
  dial: Dial;
  addresses: readonly string[];
  port: number;
  /** milliseconds for all of it */
  timeout: number;
  /** milliseconds before the next address is tried beside the last */
  stagger: number;
  signal: AbortSignal;
}

export function dialFirst(options: DialOptions): Promise<net.Socket> {
  const { dial, addresses, port, timeout, stagger, signal } = options;
  return new Promise((resolve, reject) => {
    const attempts = new Set<net.Socket>();
    const waiting = interleave(addresses);
    let lastFault = 'no address to connect to';
    let next: NodeJS.Timeout | undefined;
    const limit = setTimeout(() => finish(failure('ETIMEDOUT')), timeout);
    const onAbort = (): void => finish(failure('ECANCELED'));
    signal.addEventListener('abort', onAbort);

    function finish(result: net.Socket | SandboxError): void {
      clearTimeout(limit);
      clearTimeout(next);
      signal.removeEventListener('abort', onAbort);
      waiting.length = 0;
      for (const socket of attempts) if (socket !== result) socket.destroy();
      if (result instanceof SandboxError) reject(result);
      else resolve(result);
    }

    function tryNext(): void {
      clearTimeout(next);
      const address = waiting.shift();
      if (address === undefined) {
        if (attempts.size === 0) finish(failure(lastFault));
        return;
      }
      if (waiting.length > 0) next = setTimeout(tryNext, stagger);
      const socket = dial(address, port);
      attempts.add(socket);
      // Kept after success: an error between here and the relay's own listener must not be thrown.
      socket.on('error', (error) => {
        if (!attempts.delete(socket)) return;
        lastFault = errnoOf(error) ?? messageOf(error);
        tryNext();
      });
      socket.once('connect', () => {
        if (!attempts.delete(socket)) return;
        finish(socket);
      });
    }

    if (signal.aborted) onAbort();
    else tryNext();
  });
}

function failure(what: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_DIAL', message: what });
}

/** Both families in turn, beginning with the family of the first answer. */
function interleave(addresses: readonly string[]): string[] {
  const [first] = addresses;
  const isFirstFamily = (address: string): boolean => net.isIP(address) === net.isIP(first ?? '');
  const ours = addresses.filter(isFirstFamily);
  const others = addresses.filter((address) => !isFirstFamily(address));
  return ours
    .flatMap((address, index) => [address, ...others.slice(index, index + 1)])
    .concat(others.slice(ours.length));
}

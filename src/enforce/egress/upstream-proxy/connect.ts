// Connects to a destination through a proxy: to the proxy, in TLS where its setting says so, and then on.
// Invariant: the time for all of it is bounded, and whatever goes wrong leaves no socket behind.

import net, { type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import { SandboxError, errnoOf } from '../../../model/error.ts';
import { dialFirst } from '../dial.ts';
import type { Dial } from '../dial.ts';
import { tls } from '../http/node.ts';
import type { Lookup } from '../lookup.ts';
import { openHttpTunnel } from './http-tunnel.ts';
import type { UpstreamProxy } from './setting.ts';
import { openSocksTunnel } from './socks.ts';

export interface ConnectThroughOptions {
  lookup: Lookup;
  dial: Dial;
  trust: () => Promise<SecureContext>;
  /** milliseconds; see `RouteLimits` */
  limits: { connect: number; stagger: number };
  signal: AbortSignal;
}

/** The proxy is the host's own choice: its address is not checked. `destination.host` is a name or an address. */
export async function connectThrough(
  proxy: UpstreamProxy,
  destination: { host: string; port: number },
  options: ConnectThroughOptions,
): Promise<Socket> {
  const { limits, signal } = options;
  const addresses = await addressesOf(proxy, options.lookup);
  const socket = await dialFirst({
    ...options,
    addresses,
    port: proxy.port,
    timeout: limits.connect,
    stagger: limits.stagger,
  });
  let stop: (reason: string) => void = () => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = (reason) => {
      socket.destroy();
      reject(failure(reason));
    };
  });
  const timer = setTimeout(() => stop('the proxy took too long'), limits.connect);
  const onAbort = (): void => stop('given up');
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([stopped, shakeHands(socket, proxy, destination, options)]);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    stopped.catch(() => undefined);
  }
}

/** A guest hears of what fails here, and has no business with what the host's proxy is called. */
async function addressesOf({ host }: UpstreamProxy, lookup: Lookup): Promise<string[]> {
  if (net.isIP(host) !== 0) return [host];
  try {
    return await lookup(host);
  } catch {
    throw failure("the name of the host's proxy has no address");
  }
}

async function shakeHands(
  socket: Socket,
  proxy: UpstreamProxy,
  destination: { host: string; port: number },
  { trust }: ConnectThroughOptions,
): Promise<Socket> {
  if (proxy.kind === 'socks5' || proxy.kind === 'socks5h') {
    await openSocksTunnel(socket, proxy, destination);
    return socket;
  }
  const secured = proxy.kind === 'https' ? await secure(socket, proxy.host, await trust()) : socket;
  await openHttpTunnel(secured, proxy, destination);
  return secured;
}

function secure(socket: Socket, host: string, secureContext: SecureContext): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = tls.connect({
      socket,
      host,
      ...(net.isIP(host) === 0 && { servername: host }),
      secureContext,
      rejectUnauthorized: true,
    });
    // Kept: an error between here and the next listener must not be thrown.
    secured.on('error', (error) =>
      reject(failure(`no TLS with the proxy (${errnoOf(error) ?? 'unknown'})`)),
    );
    secured.once('close', () => reject(failure('no TLS with the proxy: it hung up')));
    secured.once('secureConnect', () => resolve(secured));
  });
}

function failure(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_PROXY', message });
}

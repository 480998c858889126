// One inspected connection of the guest: its TLS ends here, and every request on it is judged.
// Invariant: the connection speaks for the one host it was decided for, and what cannot be judged ends it.

import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';

import { errnoOf, messageOf } from '../../../model/error.ts';
import type { Injector } from '../../injection.ts';
import type { Judge } from '../judge.ts';
import type { Spend } from '../meter.ts';
import type { Authority } from './authority.ts';
import { serveCall } from './exchange.ts';
import { serveH1 } from './guest-h1.ts';
import type { GuestServer } from './guest-h1.ts';
import { serveH2 } from './guest-h2.ts';
import type { Held } from './held.ts';
import type { HttpLimits } from './limits.ts';
import type { ConnectRequest, HttpRequest, Site } from './message.ts';
import { tls } from './node.ts';
import { readOpening } from './opening.ts';
import { watchPauses } from './pauses.ts';
import { createUpstreams } from './upstreams.ts';

export interface InterceptOptions {
  guest: Duplex;
  target: Omit<Site, 'scheme' | 'connect'> & { request: ConnectRequest };
  /** Connects to a checked address of the host. */
  dial: () => Promise<net.Socket>;
  judge: Judge;
  authority: Authority;
  /** whose certificates are believed of servers */
  trust: () => SecureContext;
  spend: Spend;
  editFor: (request: HttpRequest) => string;
  limits: HttpLimits;
  held: Held;
  injector?: Injector | undefined;
}

/** Serves the connection; resolves once it is over. */
export async function intercept(options: InterceptOptions): Promise<void> {
  const { guest, target, judge, limits } = options;
  const name = target.isName ? target.host : undefined;
  const opening = await readOpening(guest, name, {
    hello: limits.headerTime,
    keepAlive: limits.keepAlive,
  });
  if (opening.kind === 'refused') judge.refuse(target.request, opening.check, opening.reason);
  if (opening.kind === 'refused' || opening.kind === 'gone' || guest.destroyed) {
    guest.destroy();
    return;
  }
  const scheme = opening.kind === 'tls' ? 'https' : 'http';
  const site: Site = { ...target, connect: target.request, scheme };
  const stream = opening.kind === 'tls' ? await acceptTls(options) : guest;
  if (stream === undefined) return;
  await serve(stream, site, options);
}

/** The TLS session with the guest; undefined, and an outcome on record, when none came about. */
function acceptTls(options: InterceptOptions): Promise<TLSSocket | undefined> {
  const { guest, target, judge, limits } = options;
  return new Promise((resolve) => {
    const secured = new tls.TLSSocket(guest, {
      isServer: true,
      secureContext: options.authority.contextFor(target.host),
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    // Nothing is left to say to a client that has ended its side, and TLS by itself does not see how the stream closes.
    secured.allowHalfOpen = false;
    guest.once('close', () => secured.destroy());
    const fail = (error: string): void => {
      clearTimeout(timer);
      secured.off('close', onClose);
      secured.destroy();
      guest.destroy();
      judge.outcome(target.request, { end: 'handshake', error });
      resolve(undefined);
    };
    const timer = setTimeout(() => fail('ETIMEDOUT'), limits.handshakeTime);
    const onError = (error: unknown): void => fail(errnoOf(error) ?? 'unknown');
    const onClose = (): void => fail('ECONNRESET');
    secured.once('error', onError);
    secured.once('close', onClose);
    // Node's name for the end of a handshake on the server's side of a socket made by hand.
    secured.once('secure', () => {
      clearTimeout(timer);
      secured.off('close', onClose);
      secured.off('error', onError);
      secured.on('error', () => undefined);
      // Only Node's own server says so of its sockets; an HTTP/2 session waits for it.
      Reflect.set(secured, 'secureConnecting', false);
      resolve(secured);
    });
  });
}

function serve(stream: Duplex, site: Site, options: InterceptOptions): Promise<void> {
  const { guest, judge, limits } = options;
  const isH2 = site.scheme === 'https' && (stream as TLSSocket).alpnProtocol === 'h2';
  const upstreams = createUpstreams({
    ...options,
    site,
    mayH2: isH2,
    handshake: limits.headerTime,
  });
  const context = { ...options, site, upstreams };
  const refuse = (reason: string): void => judge.refuse(site.connect, 'egress-http', reason);
  const timers = watchPauses(stream, isH2, limits, (reason) => {
    if (reason !== undefined) refuse(reason);
    stream.destroy();
  });
  const server: GuestServer = {
    stream,
    limits,
    held: options.held,
    onCall(call, done) {
      try {
        serveCall(call, context, done);
      } catch (error) {
        refuse(`the request could not be served: ${messageOf(error)}`);
        stream.destroy();
      }
    },
    onFault: refuse,
    onBusy: timers.onBusy,
  };
  return new Promise((resolve) => {
    stream.once('close', () => {
      timers.stop();
      upstreams.close();
      endGuest(guest, limits.linger);
      resolve();
    });
    if (stream.destroyed) stream.emit('close');
    else if (isH2) serveH2(server);
    else serveH1(server);
  });
}

/** What TLS wrote last may still be on its way through the guest's stream. */
function endGuest(guest: Duplex, linger: number): void {
  if (guest.destroyed || !guest.writableEnded || guest.writableFinished) {
    guest.destroy();
    return;
  }
  const timer = setTimeout(() => guest.destroy(), linger);
  guest.once('finish', () => {
    clearTimeout(timer);
    guest.destroy();
  });
}

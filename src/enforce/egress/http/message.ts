// What the guest's side and the server's side of a request have in common, whatever version of HTTP each of them speaks.

import type { Duplex, Readable, Writable } from 'node:stream';

import type { RuleLimit } from '../../../model/decision.ts';
import type { Request } from '../../../model/request.ts';
import type { Fields } from './fields.ts';

export type HttpRequest = Extract<Request, { kind: 'http' }>;
export type ConnectRequest = Extract<Request, { kind: 'connect' }>;

/** What one connection was decided for: no request on it may name anything else. */
export interface Site {
  host: string;
  port: number;
  isName: boolean;
  scheme: 'http' | 'https';
  /** the request that allowed the connection */
  connect: ConnectRequest;
  /** the rules that count the bytes of the connection */
  limits: readonly RuleLimit[];
  /** the host's proxy in the way, fit for records */
  viaProxy?: string;
  /** every request of the connection is allowed: none is judged, and no path needs a canonical form */
  isOpen?: boolean;
}

/** A header section as it was received. */
export interface RawHead {
  method: string;
  /** request target, or `:path` */
  target: string;
  version: '1.0' | '1.1' | '2.0' | (string & {});
  /** pseudo-headers left out */
  fields: Fields;
  /** HTTP/2 only */
  pseudo?: { scheme: string | undefined; authority: string | undefined };
  /** HTTP/2 only: whether the stream ended with its head */
  hasEnded?: boolean;
  /** the connection switches protocols if the server agrees */
  isUpgrade: boolean;
}

/** A request that can mean one thing only, ready to be judged and to be built anew. */
export interface RequestHead {
  method: string;
  /** methods that headers ask the server to take it for */
  alternatives: string[];
  /** canonical */
  path: string;
  /** empty, or from `?` on */
  query: string;
  /** end to end, without host and content-length */
  fields: Fields;
  /** declared bytes of the body; undefined when it has none or ends when it ends */
  length: number | undefined;
  hasBody: boolean;
  takesTrailers: boolean;
  isWebSocket: boolean;
}

export interface Inlet {
  stream: Readable;
  /** known once the stream has ended */
  trailers(): Fields;
  /** asked at the stream's end: whether the body came to its own end, or was cut off */
  isWhole(): boolean;
  /** HTTP/2: the head was all there is */
  isEmpty?: boolean;
}

export interface Outlet {
  stream: Writable;
  end(trailers: Fields): void;
}

/** One request of the guest, and the way back. */
export interface Call {
  raw: RawHead;
  body: Inlet;
  /** An interim response (1xx); nothing once the final one has begun. */
  inform(status: number, fields: Fields): void;
  /** Begins the response; `isLast`: the connection ends behind it; `phrase`: of the status line, where the version has one. */
  respond(
    status: number,
    fields: Fields,
    options: { hasBody: boolean; isLast?: boolean; phrase?: string },
  ): Outlet;
  hasBegun(): boolean;
  /** Takes the connection over after a 101; undefined where the version knows none. */
  switchProtocols?(fields: Fields): { stream: Duplex; head: Buffer };
  /** Ends the request, or with HTTP/1.1 its connection, in a way that no client takes for a whole response. */
  reset(): void;
  /** Whether nobody is left to answer. */
  isGone(): boolean;
  /** Called once, when the guest gave up before it had the whole response. */
  onGone(listener: () => void): void;
}

/** How a server's answer comes in. Of `onResponse`, `onSwitch` and `onFailure` the first is final, but for a failure after it. */
export interface Answer {
  onInform(status: number, fields: Fields): void;
  onResponse(status: number, fields: Fields, body: Inlet): void;
  onSwitch(fields: Fields, stream: Duplex, head: Buffer): void;
  onFailure(error: unknown): void;
}

/** A request on its way to the server. */
export interface Sending {
  body: Outlet;
  abort(): void;
}

/** Connections to the one server of a guest connection. */
export interface Upstream {
  send(head: RequestHead, answer: Answer): Promise<Sending>;
  close(): void;
}

// Plain requests that come to the proxy: each names its server in its target, is decided as a connection to it, and then as
// that connection's requests are.
// Invariant: a request goes to the server that its target and its Host header both name, over connections to that server alone.

import type { Duplex } from 'node:stream';

import { messageOf } from '../../../model/error.ts';
import type { Request } from '../../../model/request.ts';
import { formatRequest } from '../../../policy/request-syntax.ts';
import type { Judge } from '../judge.ts';
import type { Spend } from '../meter.ts';
import { PROXY_NAME, PROXY_PORT } from '../name-answers.ts';
import type { Opener, Refused } from '../target.ts';
import { serveCall } from './exchange.ts';
import type { Held } from './held.ts';
import type { HttpLimits } from './limits.ts';
import type { Call, Site } from './message.ts';
import { answerRefusal, faultRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { createUpstreams } from './upstreams.ts';
import type { Upstreams } from './upstreams.ts';

export interface ForwardOptions {
  stream: Duplex;
  limits: HttpLimits;
  held: Held;
  judge: Judge;
  opener: Opener;
  spend: Spend;
  /** The smallest edit that would allow a denied request, as text. */
  editFor: (request: Request) => string;
  /** What to answer where a connection may not be. */
  refusalFor: (refused: Refused, request?: Request) => Refusal;
}

/** What requests are recorded as that the proxy itself refuses. */
export const PROXY_REQUEST = { kind: 'connect', host: PROXY_NAME, port: PROXY_PORT } as const;

export interface Forward {
  serve(call: Call, done: () => void): void;
  close(): void;
}

/** What one connection of the guest speaks to now; the one before it is closed. */
interface Current {
  /** as the guest wrote it */
  name: string;
  site: Site;
  upstreams: Upstreams;
}

/** `http://AUTHORITY`, then a path, a query, or nothing; RFC 9112 §3.2.2. No user, no fragment. */
const ABSOLUTE = /^http:\/\/(?:\[([0-9a-f:.]+)\]|([^\s:@/?#[\]]+))(?::(\d{1,5}))?([/?][^#]*)?$/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

export function createForward(options: ForwardOptions): Forward {
  const { stream, judge, opener, limits } = options;
  let current: Current | undefined;
  let release: (() => void) | undefined;
  const abort = new AbortController();
  abort.signal.addEventListener('abort', () => stream.destroy());

  /** Where a request goes: the server of the last one, or another that was decided just now. */
  function find(host: string, port: number): Current | { refused: Refused; request?: Request } {
    // What goes on to the same server is part of the connection that was decided, as it would be without the proxy.
    if (current?.name === host && current.site.port === port) return current;
    const found = opener.reach(host, port, { isHeld: release !== undefined, abort });
    if ('refused' in found) return found;
    release ??= opener.hold(abort);
    const { request: connect, ...named } = found.target;
    const site: Site = { ...named, scheme: 'http', connect, isOpen: found.how === 'relayed' };
    current?.upstreams.close();
    const upstreams = createUpstreams({
      site,
      dial: found.dial,
      trust: () => {
        throw new Error('plain requests need no trust');
      },
      mayH2: false,
      handshake: limits.headerTime,
    });
    current = { name: host, site, upstreams };
    return current;
  }

  function serve(call: Call, done: () => void): void {
    try {
      forward(call, done);
    } catch (error) {
      judge.refuse(
        PROXY_REQUEST,
        'egress-http',
        `the request could not be served: ${messageOf(error)}`,
      );
      stream.destroy();
    }
  }

  function forward(call: Call, done: () => void): void {
    const [, v6, name, digits = '80', rest = '/'] = ABSOLUTE.exec(call.raw.target) ?? [];
    const host = v6 ?? name;
    if (host === undefined) {
      refuseTarget(call, done);
      return;
    }
    const found = find(host, Number(digits));
    if ('refused' in found) {
      answerRefusal(call, options.refusalFor(found.refused, found.request));
      done();
      return;
    }
    const target = rest.startsWith('/') ? rest : `/${rest}`;
    const { site, upstreams } = found;
    serveCall({ ...call, raw: { ...call.raw, target } }, { ...options, site, upstreams }, done);
  }

  /** What can go through no proxy, or not through this one. */
  function refuseTarget(call: Call, done: () => void): void {
    const { target } = call.raw;
    const reason = /^https:/i.test(target)
      ? 'a request for https comes through this proxy in a tunnel: use CONNECT'
      : target.startsWith('/') || target === '*'
        ? `this is a proxy, and the request names no server; a request for http begins with http://`
        : SCHEME.test(target)
          ? 'this proxy carries http, and anything else in tunnels (CONNECT)'
          : 'the request target is none that a proxy could follow';
    judge.refuse(PROXY_REQUEST, 'egress-http', reason);
    answerRefusal(call, faultRefusal(formatRequest(PROXY_REQUEST), 400, 'egress-http', reason));
    done();
  }

  return {
    serve,
    close() {
      abort.abort();
      current?.upstreams.close();
      release?.();
    },
  };
}

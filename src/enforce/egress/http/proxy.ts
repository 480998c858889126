// The way in for clients that were told of a proxy: CONNECT, answered after the decision, and plain requests in absolute form.
// Invariant: what comes through here is decided like any other connection; the proxy itself allows nothing.

import type { Request } from '../../../model/request.ts';
import { formatRequest } from '../../../policy/request-syntax.ts';
import type { Refused } from '../target.ts';
import { PROXY_REQUEST, createForward } from './forward.ts';
import type { ForwardOptions } from './forward.ts';
import { serveH1 } from './guest-h1.ts';
import { watchPauses } from './pauses.ts';
import { denialRefusal, faultRefusal, refusalHead, refusalText } from './refusal.ts';
import type { Refusal } from './refusal.ts';

export type ProxyOptions = Omit<ForwardOptions, 'refusalFor'>;

/** `host:port`, the host a name or an address; IPv6 in brackets. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:@/?#[\]]+)):(\d{1,5})$/;

export function serveProxy(options: ProxyOptions): void {
  const { stream, limits, judge, opener } = options;
  const refusalFor = (refused: Refused, request?: Request): Refusal => {
    const { decision, check, reason } = refused;
    const asked = request === undefined ? 'connect' : formatRequest(request);
    return decision === undefined || request === undefined
      ? { ...faultRefusal(asked, 403, check ?? 'egress-name', reason), isLast: false }
      : denialRefusal(asked, decision, options.editFor(request));
  };
  const refuse = (reason: string): void => judge.refuse(PROXY_REQUEST, 'egress-http', reason);
  const forward = createForward({ ...options, refusalFor });
  const pauses = watchPauses(stream, false, limits, (reason) => {
    if (reason !== undefined) refuse(reason);
    stream.destroy();
  });
  stream.on('error', () => undefined);
  stream.once('close', () => {
    pauses.stop();
    forward.close();
  });
  serveH1({
    stream,
    limits,
    held: options.held,
    onCall: (call, done) => forward.serve(call, done),
    onFault: refuse,
    onBusy: pauses.onBusy,
    onConnect(authority) {
      pauses.stop();
      const [, v6, name, digits] = AUTHORITY.exec(authority) ?? [];
      const host = v6 ?? name;
      if (host === undefined) {
        refuse('CONNECT names no host and port');
        stream.end(refusalHead(400, 0, undefined));
        return;
      }
      opener.open(host, Number(digits), stream, (refused, request) => {
        if (refused === undefined) {
          stream.write('HTTP/1.1 200 Connection established\r\n\r\n');
          return;
        }
        const refusal = refusalFor(refused, request);
        const body = Buffer.from(refusalText(refusal));
        const { status, rule, place } = refusal;
        stream.end(Buffer.concat([refusalHead(status, body.length, rule, place), body]));
      });
    },
  });
}

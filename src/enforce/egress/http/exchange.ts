// One request of the guest, from its head to the end of the answer: read, judge, record, and only then send.
// Invariant: nothing of a request reaches the server before it was allowed and that is on record; nothing is sent twice
// but a safe request whose kept connection was reset before a byte of its answer.

import type { Injection, InjectionRefusal, Injector } from '../../injection.ts';
import { SandboxError, errnoOf, messageOf } from '../../../model/error.ts';
import { formatRequest } from '../../../policy/request-syntax.ts';
import type { Judge } from '../judge.ts';
import type { Spend } from '../meter.ts';
import type { Overspent } from '../../quotas.ts';
import { pump } from './body.ts';
import { bytesOf } from './fields.ts';
import type { Fields } from './fields.ts';
import { isMethod, pathOf, readHead } from './head.ts';
import type { HttpLimits } from './limits.ts';
import { answerThrough, collect, gather, guardedBody, outgoing } from './injected.ts';
import type { Answer, Call, HttpRequest, Inlet, RequestHead } from './message.ts';
import type { Sending, Site } from './message.ts';
import {
  answerRefusal,
  denialRefusal,
  faultRefusal,
  injectedRefusal,
  overspentRefusal,
  upstreamRefusal,
} from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { tunnel } from './tunnel.ts';
import type { Upstreams } from './upstreams.ts';

export interface ExchangeContext {
  site: Site;
  judge: Judge;
  upstreams: Upstreams;
  /** puts credentials into requests */
  injector?: Injector | undefined;
  limits: HttpLimits;
  spend: Spend;
  /** The smallest edit that would allow a denied request, as text. */
  editFor: (request: HttpRequest) => string;
}

/** what an interim answer counts at least, of the bytes that a section of headers may have */
const INTERIM_BYTES = 64;

/** Serves one request; calls `done` when nothing of it is left to do. */
export function serveCall(call: Call, context: ExchangeContext, done: () => void): void {
  const { site, judge, limits } = context;
  const result = readHead(call.raw, site, limits.headerCount);
  if (result.fault) {
    const { status, check, reason } = result.fault;
    const request = nameOf(call, site);
    judge.refuse(request, check, reason);
    answerRefusal(call, faultRefusal(formatRequest(request), status, check, reason));
    done();
    return;
  }
  const { head } = result;
  const counted = [...site.limits];
  // A server may obey a header that overrides the method: then that is what must be allowed as well.
  for (const method of site.isOpen === true ? [] : [head.method, ...head.alternatives]) {
    const asked = requestOf(method, head.path, site);
    const { allowed, decision } = judge.ask(asked);
    counted.push(...(decision.limits ?? []));
    if (allowed) continue;
    answerRefusal(call, denialRefusal(formatRequest(asked), decision, context.editFor(asked)));
    done();
    return;
  }
  // What no rule judged is on record as part of its connection.
  const request = site.isOpen === true ? site.connect : requestOf(head.method, head.path, site);
  const size = head.method.length + head.path.length + head.query.length + bytesOf(head.fields);
  const spend = (bytes: number): Overspent | undefined =>
    context.spend(bytes, { request, limits: counted });
  const over = spend(size);
  if (over !== undefined) {
    judge.overspend(request, over);
    answerRefusal(call, overspentRefusal(formatRequest(request), over));
    done();
    return;
  }
  const injection =
    request.kind === 'http' ? context.injector?.inject(request, outgoing(head, site)) : undefined;
  if (injection?.refused !== undefined) {
    answerRefusal(call, injectedRefusal(formatRequest(request), injection.refused));
    done();
    return;
  }
  carry({ call, head, request, injection, size, spend, context, done });
}

function requestOf(method: string, path: string, { scheme, host, port }: Site): HttpRequest {
  return { kind: 'http', method, scheme, host, port, path };
}

/** The request as far as it can be read: for the record of its refusal. */
function nameOf({ raw }: Call, site: Site): HttpRequest | Site['connect'] {
  const path = site.isOpen === true ? undefined : pathOf(raw);
  return path === undefined || !isMethod(raw.method)
    ? site.connect
    : requestOf(raw.method, path, site);
}

interface Carried {
  call: Call;
  head: RequestHead;
  request: HttpRequest | Site['connect'];
  injection: Injection | undefined;
  /** bytes of the head */
  size: number;
  spend: (bytes: number) => Overspent | undefined;
  context: ExchangeContext;
  done: () => void;
}

/** Sends an allowed request and brings the answer back. */
function carry({ call, head, request, injection, size, spend, context, done }: Carried): void {
  const { judge, limits } = context;
  const startedAt = performance.now();
  const { viaProxy } = context.site;
  const facts = {
    status: 0,
    bytesOut: size,
    bytesIn: 0,
    ...(viaProxy !== undefined && { viaProxy }),
  };
  let isOver = false;
  let isSent = !head.hasBody;
  let isSwitched = false;
  let hasArrived = false;
  let informed = 0;
  let sending: Sending | undefined;
  let upload: NodeJS.Timeout | undefined;
  let bodyOut = call.body;
  const idle = setTimeout(() => giveUp('idle'), limits.exchangeIdle);

  function finish(end: string, more: Record<string, string> = {}): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(idle);
    clearTimeout(upload);
    injection?.release();
    const milliseconds = Math.round(performance.now() - startedAt);
    judge.outcome(request, { end, ...facts, ...more, milliseconds });
    done();
  }

  /** Ends without an answer that the guest could take for a whole one. */
  function giveUp(end: string, refusal?: Refusal, more?: Record<string, string>): void {
    if (isOver) return;
    sending?.abort();
    if (call.isGone()) {
      finish('reset');
      return;
    }
    if (refusal !== undefined && !call.hasBegun()) {
      facts.status = refusal.status;
      answerRefusal(call, refusal);
    } else call.reset();
    finish(end, more);
  }

  function fail(error: unknown): void {
    // Node closes the request when its connection becomes a tunnel, which from then on sees for itself.
    if (isSwitched) return;
    const reason = error instanceof SandboxError ? messageOf(error) : plainReason(error);
    const code = error instanceof SandboxError ? messageOf(error) : (errnoOf(error) ?? 'unknown');
    giveUp('failed', upstreamRefusal(formatRequest(request), reason), { error: code });
  }

  function onUpload(count: number): boolean {
    if (isOver) return false;
    idle.refresh();
    upload?.refresh();
    const over = spend(count);
    if (over === undefined) {
      facts.bytesOut += count;
      return true;
    }
    judge.overspend(request, over);
    giveUp('refused', overspentRefusal(formatRequest(request), over));
    return false;
  }

  function startUpload(): void {
    if (sending === undefined || isSent) return;
    const watch = (isWaiting: boolean): void => {
      clearTimeout(upload);
      // A body without a length may be a conversation; one with a length is an upload and must get on.
      if (!isWaiting && head.length !== undefined)
        upload = setTimeout(() => giveUp('idle'), limits.bodyIdle);
    };
    watch(false);
    pump({
      from: bodyOut,
      to: sending.body,
      length: head.length,
      onBytes: onUpload,
      onWait: watch,
      onMismatch: () => giveUp('reset'),
      onEnd: () => {
        isSent = true;
        clearTimeout(upload);
      },
    });
  }

  function onResponse(status: number, fields: Fields, body: Inlet): void {
    if (isOver) return;
    idle.refresh();
    facts.status = status;
    const isEmpty = status === 204 || status === 304 || body.isEmpty === true;
    const hasBody = head.method !== 'HEAD' && !isEmpty;
    body.stream.once('end', () => {
      hasArrived = body.isWhole();
    });
    const answered = answerThrough(injection, fields, body, hasBody, fail);
    if (answered === undefined) {
      fail(failure('its answer is in an encoding that cannot be read here'));
      return;
    }
    const end = (): void => {
      if (!isSent) sending?.abort();
      finish('closed');
    };
    const onBytes = (count: number): boolean => {
      idle.refresh();
      facts.bytesIn += count;
      return !isOver;
    };
    const { whole } = answered;
    if (whole !== undefined) {
      gather(answered.body, onBytes, (all) =>
        guard(() => {
          if (isOver) return;
          if (all === undefined) throw new Error('the answer was cut off');
          const bytes = whole(all);
          const length: Fields = [['content-length', String(bytes.length)]];
          const outlet = call.respond(status, [...answered.fields, ...length], { hasBody });
          outlet.stream.write(bytes);
          outlet.end([]);
          end();
        }),
      );
      return;
    }
    const outlet = call.respond(status, answered.fields, { hasBody });
    if (!hasBody) {
      outlet.end([]);
      body.stream.resume();
      end();
      return;
    }
    pump({
      from: answered.body,
      to: outlet,
      onBytes,
      onMismatch: () => fail(new Error('the answer was cut off')),
      onEnd: end,
    });
  }

  const answer: Answer = {
    onInform: (status, fields) => {
      informed += INTERIM_BYTES + bytesOf(fields);
      // A guest that does not read them would leave them all with us.
      if (isOver || informed > limits.headerBytes) return;
      try {
        call.inform(status, injection?.scrub(fields) ?? fields);
      } catch {
        // An interim answer that cannot be written is left out: the final one says all that counts.
      }
    },
    onResponse: (...parts) => guard(() => onResponse(...parts)),
    onSwitch: (fields, stream, bytes) =>
      guard(() => {
        const guest =
          head.isWebSocket && !isOver && !call.isGone()
            ? call.switchProtocols?.(injection?.scrub(fields) ?? fields)
            : undefined;
        if (guest === undefined) {
          stream.destroy();
          fail(new Error('the server switched protocols unasked'));
          return;
        }
        clearTimeout(idle);
        facts.status = 101;
        isSwitched = true;
        tunnel({
          guest,
          upstream: { stream, head: bytes },
          idle: limits.exchangeIdle,
          spend,
          onOverspend: (over) => judge.overspend(request, over),
          watch: injection?.watch,
          onEnd: (summary) => {
            facts.bytesOut += summary.bytesOut;
            facts.bytesIn += summary.bytesIn;
            finish(summary.end);
          },
        });
      }),
    // A server may close behind its answer while that is still on its way through here.
    onFailure: (error) => {
      if (!hasArrived) fail(error);
    },
  };

  /** What Node finds wrong with an answer (a header it cannot write) is the server's fault, never an exception. */
  function guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      fail(error);
    }
  }

  call.onGone(() => {
    sending?.abort();
    finish('reset');
  });
  send().then((started) => {
    sending = started;
    if (isOver) started?.abort();
    else startUpload();
  }, fail);

  function refuse(refusal: InjectionRefusal): undefined {
    giveUp('refused', injectedRefusal(formatRequest(request), refusal));
  }

  /** With what credentials put into it; undefined where they refuse it. */
  async function send(): Promise<Sending | undefined> {
    const { upstreams } = context;
    if (injection === undefined) return upstreams.for().send(head, answer);
    const whole = injection.takesBody && head.hasBody;
    const body = whole ? await collect(call.body, injection) : undefined;
    if (whole && body === undefined) {
      if (isOver) return undefined;
      judge.refuse(request, 'egress-injection', TOO_LONG.reason);
      return refuse(TOO_LONG);
    }
    const prepared = await injection.prepare(body);
    if (isOver) return undefined;
    if ('check' in prepared) return refuse(prepared);
    if (head.hasBody) bodyOut = guardedBody(injection, call.body, body, refuse);
    return upstreams.for(injection.credential).send({ ...head, fields: prepared.fields }, answer);
  }
}

const TOO_LONG: InjectionRefusal = {
  check: 'egress-injection',
  status: 403,
  reason: 'its body is too long to be signed, or too many wait to be',
};

function failure(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_UPSTREAM', message });
}

/** What to say of a failure without repeating what a server, or its certificate, says of itself. */
function plainReason(error: unknown): string {
  const code = errnoOf(error) ?? '';
  if (/CERT|ALTNAME|SELF_SIGNED|ISSUER|SIGNATURE|CRL/.test(code))
    return `its certificate is not trusted on the host or is not for this name (${code})`;
  if (code.startsWith('HPE_')) return `its answer is not HTTP/1.1 (${code})`;
  return code === '' ? 'the connection failed' : `the connection failed (${code})`;
}

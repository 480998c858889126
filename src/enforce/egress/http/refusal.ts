// What the guest reads when a request does not go through: which rule, where it stands, and what would have to be written.
// Invariant: nothing from a server's own words, and nothing that a terminal or a CI log could obey.

import type { InjectionRefusal } from '../../injection.ts';
import { toMessage } from '../../../log/redact.ts';
import type { Decision } from '../../../model/decision.ts';
import type { Overspent } from '../../quotas.ts';
import { fromObject, valuesOf } from './fields.ts';
import type { Fields } from './fields.ts';
import type { Call, RawHead } from './message.ts';
import { http } from './node.ts';

export interface Refusal {
  status: number;
  /** one line for people */
  title: string;
  /** the request in the grammar of policies, where it could be read */
  request: string;
  /** `LAYER/ID`; absent when no rule speaks against it */
  rule?: string;
  place?: string;
  reason: string;
  edit?: string;
  /** gRPC clients read this instead of the status */
  grpcStatus?: number;
  isLast?: boolean;
}

const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const MAX_GRPC_MESSAGE = 1024;
const MAX_PHRASE = 200;

export function denialRefusal(request: string, decision: Decision, edit: string): Refusal {
  const { rule, reason } = decision;
  return {
    status: 403,
    title: 'denied by the policy of this sandbox',
    request,
    rule: rule.id,
    ...(rule.line > 0 && { place: `${rule.file}:${rule.line}` }),
    reason,
    ...(edit !== '' && { edit }),
    grpcStatus: PERMISSION_DENIED,
  };
}

export function faultRefusal(
  request: string,
  status: number,
  check: string,
  reason: string,
): Refusal {
  return {
    status,
    title: 'not sent by the sandbox',
    request,
    rule: `builtin/${check}`,
    reason,
    isLast: true,
  };
}

/** No bytes are left: by a rule, which then is named with its place, or by the limit of the session. */
export function overspentRefusal(request: string, { rule, reason }: Overspent): Refusal {
  const refusal = faultRefusal(request, 403, 'egress-limit', reason);
  if (rule === undefined) return refusal;
  return {
    ...refusal,
    rule: rule.id,
    ...(rule.line > 0 && { place: `${rule.file}:${rule.line}` }),
  };
}

/** What a credential spoke against. The rest of the connection is whole: nothing of the request went out. */
export function injectedRefusal(request: string, refused: InjectionRefusal): Refusal {
  const { check, status, reason } = refused;
  return {
    status,
    title: 'not sent by the sandbox',
    request,
    rule: `builtin/${check}`,
    reason,
    grpcStatus: PERMISSION_DENIED,
  };
}

export function upstreamRefusal(request: string, reason: string): Refusal {
  return {
    status: 502,
    title: 'no answer from the server',
    request,
    reason,
    grpcStatus: UNAVAILABLE,
  };
}

export function answerRefusal(call: Call, refusal: Refusal): void {
  const grpc = grpcTypeOf(call.raw);
  if (grpc !== undefined && refusal.grpcStatus !== undefined) {
    answerGrpc(call, refusal, grpc);
    return;
  }
  const isJson = prefersJson(call.raw.fields);
  const body = Buffer.from(isJson ? toJsonBody(refusal) : refusalText(refusal));
  const fields: Fields = fromObject({
    'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...ruleHeader(refusal),
  });
  const hasBody = call.raw.method !== 'HEAD';
  const isLast = refusal.isLast ?? false;
  const outlet = call.respond(refusal.status, fields, {
    hasBody,
    isLast,
    phrase: phraseOf(refusal.status, refusal.rule, refusal.place),
  });
  if (hasBody) outlet.stream.write(body);
  outlet.end([]);
}

/**
 * The reason phrase of a status line. Many clients (apt, pip, npm, Go behind a proxy) show it and never the body: then it is
 * all that tells a policy's denial from the server's own.
 */
function phraseOf(status: number, rule: string | undefined, place?: string): string {
  const usual = http.STATUS_CODES[status] ?? 'Refused';
  const at = place === undefined ? '' : ` at ${place}`;
  const by = rule === undefined ? '' : ` rule ${rule}${at}`;
  return toMessage(`${usual} (agent-sandbox${by})`)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_PHRASE);
}

/** The head of an answer on a connection that no server of Node's writes to any more. */
export function refusalHead(
  status: number,
  length: number,
  rule: string | undefined,
  place?: string,
): Buffer {
  const fields = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(length),
    connection: 'close',
    ...ruleHeader({ rule }),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const phrase = phraseOf(status, rule, place);
  return Buffer.from(`HTTP/1.1 ${status} ${phrase}\r\n${lines.join('')}\r\n`, 'latin1');
}

/** A gRPC failure is a success of HTTP, all in its head (gRPC over HTTP/2, "Trailers-Only"). */
function answerGrpc(call: Call, refusal: Refusal, type: string): void {
  const message = refusalText(refusal).trimEnd();
  const fields: Fields = fromObject({
    'content-type': type,
    'grpc-status': refusal.grpcStatus,
    'grpc-message': percentEncode(message)
      .slice(0, MAX_GRPC_MESSAGE)
      .replace(/%[^%]?$/, ''),
    ...ruleHeader(refusal),
  });
  call.respond(200, fields, { hasBody: false }).end([]);
}

function grpcTypeOf({ fields }: RawHead): string | undefined {
  const [type = ''] = valuesOf(fields, 'content-type');
  return /^application\/grpc(?:-web)?(?:\+[a-z0-9]+)?(?=$|;)/i.exec(type)?.[0];
}

function ruleHeader({ rule }: { rule?: string | undefined }): Record<string, string> {
  return rule === undefined
    ? {}
    : { 'x-agent-sandbox-rule': toMessage(rule).replace(/[^\x21-\x7e]/g, '?') };
}

/** The body for people: one fact a line, nothing in it that a terminal or a CI log obeys. */
export function refusalText({
  status,
  title,
  request,
  rule,
  place,
  reason,
  edit,
}: Refusal): string {
  const at = place === undefined ? '' : ` at ${place}`;
  const lines = [
    `agent-sandbox: ${status} ${title}`,
    '',
    `request  ${request}`,
    ...(rule === undefined ? [] : [`rule     ${rule}${at}`]),
    `reason   ${reason}`,
    ...(edit === undefined ? [] : ['', ...edit.split('\n')]),
  ];
  return `${lines.map((line) => toMessage(line)).join('\n')}\n`;
}

function toJsonBody({ status, title, request, rule, place, reason, edit }: Refusal): string {
  const body = {
    error: title,
    status,
    request: toMessage(request),
    ...(rule !== undefined && { rule: toMessage(rule) }),
    ...(place !== undefined && { place: toMessage(place) }),
    reason: toMessage(reason),
    ...(edit !== undefined && {
      edit: edit
        .split('\n')
        .map((line) => toMessage(line))
        .join('\n'),
    }),
  };
  return `${JSON.stringify(body, null, 2)}\n`;
}

/** Whether the first type that is liked best (RFC 9110 §12.5.1) is JSON. */
function prefersJson(fields: Fields): boolean {
  const liked = valuesOf(fields, 'accept')
    .flatMap((value) => value.split(','))
    .map((member) => {
      const [type = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
    })
    .sort((a, b) => b.quality - a.quality);
  return /^application\/(?:json|[^/]+\+json)$/.test(liked[0]?.type ?? '');
}

function percentEncode(message: string): string {
  return Array.from(Buffer.from(message), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

// What two enforcement points say to one another about a request: egress carries it, credentials are put into it. Egress
// asks once a request was allowed, before anything of it is sent; what comes back decides what leaves and what comes in.

import type { Duplex } from 'node:stream';

import type { Request } from '../model/request.ts';

/** `[name, value]`, names in lower case, values as bytes in `latin1` */
export type HeaderFields = [name: string, value: string][];

export type AllowedRequest = Extract<Request, { kind: 'http' }>;

/** A request that was allowed, as it would go out. */
export interface OutgoingHead {
  /** empty, or from `?` on */
  query: string;
  /** end to end, without host and content-length */
  fields: HeaderFields;
  hasBody: boolean;
  /** declared bytes of the body, which are sent with it; absent where it ends when it ends */
  length?: number;
  /** value of the Host field */
  authority: string;
}

/** Why a request does not go out. It is on record already. */
export interface InjectionRefusal {
  /** stands in the answer as `builtin/CHECK` */
  check: string;
  status: 403 | 502;
  reason: string;
}

export interface Injection {
  /** found in the head alone */
  refused?: InjectionRefusal;
  /** whose value goes out: such requests share connections with no other */
  credential?: string;
  /** the whole body is wanted before the head is sent, up to `maxBody` bytes */
  takesBody: boolean;
  maxBody: number;
  /** Asked before bytes of it are kept; false: there is no room for them. `release` when the request is over. */
  hold(bytes: number): boolean;
  release(): void;
  /** The fields to send. `body`: the whole of it, where it was wanted. */
  prepare(body: Buffer | undefined): Promise<{ fields: HeaderFields } | InjectionRefusal>;
  /** What the body passes through on its way out; `onRefuse` is called where it may not go on, and nothing more comes out. */
  guard(onRefuse: (refusal: InjectionRefusal) => void): Duplex[];
  /** The answer as the guest may have it; undefined where its encoding cannot be read. */
  answer(fields: HeaderFields, hasBody: boolean): AnswerPart | undefined;
  /** Trailers and interim answers. */
  scrub(fields: HeaderFields): HeaderFields;
  /** For what comes from the server after a switch of protocols; `release` gets what may go on. */
  watch: Watch;
}

/** Frames cannot be changed on their way: what holds a secret ends the connection. */
export type Watch = (release: (bytes: Buffer) => void) => {
  /** false: no more may pass */
  push(chunk: Buffer): boolean;
  end(): void;
};

export interface AnswerPart {
  fields: HeaderFields;
  /** what the body passes through; absent where there is none */
  through?: Duplex[];
  /** in place of `through` for a body of few bytes, all known beforehand: what goes to the guest; throws where nothing may */
  whole?: (body: Buffer) => Buffer;
}

export interface Injector {
  /** Whether connections there are looked into, whatever the rules of the network say. */
  isBound(host: string, port: number): boolean;
  /** Undefined where there is nothing to look for. */
  inject(request: AllowedRequest, head: OutgoingHead): Injection | undefined;
}

// One request to the REST API, and what a route answers.

import type { Operation } from './description.ts';
import type { State } from './state.ts';
import type { Permissions } from './types.ts';

export interface Token {
  permissions: Permissions;
  /** `owner/name`; all where it is missing */
  repository?: string;
  appId: number;
}

export interface Call {
  state: State;
  operation: Operation;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** of a JSON body; undefined without */
  body: unknown;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  token: Token | undefined;
}

export interface Answer {
  status: number;
  /** completed to what the description requires; a Buffer is sent as it is */
  body?: unknown;
  headers?: Record<string, string>;
}

export type Route = (call: Call) => Answer | Promise<Answer>;

/** A route with the permission that it asks of a token; read ones are open for public repositories. */
export interface Served {
  needs: readonly [name: string, level: 'read' | 'write'];
  answer: Route;
}

const DOCS = 'https://docs.github.com/rest';

export function refuse(status: number, message: string): Answer {
  return { status, body: { message, documentation_url: DOCS, status: String(status) } };
}

export const notFound = (): Answer => refuse(404, 'Not Found');

/** One page of a list, by `per_page` and `page`, with the header that leads to the next. */
export function page<T>(
  call: Call,
  all: readonly T[],
): { items: T[]; headers: Record<string, string> } {
  const size = Math.min(100, Number(call.query.get('per_page') ?? 30));
  const number = Number(call.query.get('page') ?? 1);
  const items = all.slice((number - 1) * size, number * size);
  if (number * size >= all.length) return { items, headers: {} };
  const next = new URLSearchParams(call.query);
  next.set('page', String(number + 1));
  const url = `${call.state.url}${call.state.path}?${next.toString()}`;
  return { items, headers: { link: `<${url}>; rel="next"` } };
}

// What the origin of the client tests is made of: sites by name, each an answer to a request that was read whole, or a handler
// of its own for what is streamed.

import type { IncomingMessage, ServerResponse } from 'node:http';

import type { CloudAnswer, CloudRequest } from '../clouds/cloud.ts';

export interface SiteAnswer extends Omit<CloudAnswer, 'body'> {
  /** anything but a text and bytes is sent as JSON */
  body?: unknown;
  /** sent one by one, with pauses, in place of `body` */
  events?: string[];
}

export type Site =
  | {
      hosts: readonly string[];
      answer: (request: CloudRequest) => SiteAnswer | undefined | Promise<SiteAnswer | undefined>;
    }
  | {
      hosts: readonly string[];
      serve: (request: IncomingMessage, response: ServerResponse) => void;
    };

/** Of a request, as it came: what it shows to say who it is. Sites send it back, as error pages do. */
export function shown({ headers }: Pick<CloudRequest, 'headers'>): Record<string, string> {
  const names = ['authorization', 'x-api-key'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

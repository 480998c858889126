// Where a remote tool server is and how it is reached.

import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

export type Headers = [name: string, value: string][];

export interface RemoteOptions {
  /** `http:` or `https:`; no credentials in it */
  url: string;
  /** dials; the host's own way unless said */
  connect?: (host: string, port: number) => Promise<Duplex>;
  secureContext?: SecureContext;
  /** adds the credentials that belong to this URL, after the decision; a rejection ends the exchange */
  authorize?: (headers: Headers) => Promise<Headers>;
  /** bytes of one answer or event */
  limit?: number;
  /** in milliseconds, until the head of an answer is there; streams of news are waited for as long as the signal lets */
  headTime?: number;
  /** connections at once */
  connections?: number;
}

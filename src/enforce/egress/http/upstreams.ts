// The server's connections of one connection of the guest, apart for each credential: a request without one, or with another,
// never follows on a connection that carried a secret.

import type { Upstream } from './message.ts';
import { createUpstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream.ts';

export interface Upstreams {
  /** absent: for requests that carry no credential */
  for(credential?: string): Upstream;
  close(): void;
}

export function createUpstreams(options: UpstreamOptions): Upstreams {
  const open = new Map<string | undefined, Upstream>();
  return {
    for(credential) {
      const known = open.get(credential);
      if (known !== undefined) return known;
      const upstream = createUpstream(options);
      open.set(credential, upstream);
      return upstream;
    },
    close() {
      for (const upstream of open.values()) upstream.close();
    },
  };
}

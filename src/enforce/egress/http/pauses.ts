// The waits of a guest's connection: between requests, and for the rest of a request that has begun.

import type { Duplex } from 'node:stream';

import type { HttpLimits } from './limits.ts';

export interface Pauses {
  onBusy: (isBusy: boolean) => void;
  stop: () => void;
}

/** Ends a connection on which nothing is asked, and one whose next request does not get on. */
export function watchPauses(
  stream: Duplex,
  isH2: boolean,
  limits: Pick<HttpLimits, 'headerTime' | 'keepAlive'>,
  end: (reason?: string) => void,
): Pauses {
  let isBusy = false;
  let isStopped = false;
  let head: NodeJS.Timeout | undefined;
  let idle: NodeJS.Timeout | undefined = setTimeout(end, limits.keepAlive);
  // Only HTTP/1.1: a frame of HTTP/2 between requests is no beginning of one.
  const onData = (): void => {
    // The bytes that made somebody take the connection over are told to the listeners behind that one, too.
    if (isBusy || isH2 || isStopped) return;
    head ??= setTimeout(
      () => end('the header section of a request did not become complete in time'),
      limits.headerTime,
    );
  };
  if (!isH2)
    setImmediate(() => {
      // A listener set now would let bytes flow that are meant for whoever took the connection over.
      if (!isStopped) stream.on('data', onData);
    });
  return {
    onBusy(busy) {
      isBusy = busy;
      clearTimeout(head);
      clearTimeout(idle);
      head = undefined;
      idle = busy || isStopped ? undefined : setTimeout(end, limits.keepAlive);
    },
    stop() {
      isStopped = true;
      stream.off('data', onData);
      clearTimeout(head);
      clearTimeout(idle);
    },
  };
}

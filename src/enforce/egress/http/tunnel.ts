// Bytes both ways after a switch of protocols: the relay of connections that are not inspected, with nothing left to look at.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Watch } from '../../injection.ts';
import type { HelloGate } from '../hello-gate.ts';
import type { Overspent } from '../../quotas.ts';
import { relay } from '../relay.ts';
import type { RelaySummary } from '../relay.ts';

interface End {
  stream: Duplex;
  /** bytes that came with the switch */
  head: Buffer;
}

export interface TunnelOptions {
  guest: End;
  upstream: End;
  /** milliseconds without a byte either way */
  idle: number;
  spend: (bytes: number) => Overspent | undefined;
  onOverspend: (over: Overspent) => void;
  watch: Watch | undefined;
  onEnd: (summary: RelaySummary) => void;
}

export function tunnel(options: TunnelOptions): void {
  const { guest, upstream, idle } = options;
  for (const { stream, head } of [guest, upstream])
    if (head.length > 0 && !stream.readableEnded) stream.unshift(head);
  relay({
    guest: guest.stream,
    // What Node's client hands over after an upgrade is the socket it was given.
    upstream: upstream.stream as Socket,
    gate: OPEN,
    limits: { hello: idle, idle, halfClosedIdle: idle },
    spend: options.spend,
    onRefuse: () => undefined,
    onOverspend: options.onOverspend,
    watch: options.watch,
    onEnd: options.onEnd,
  });
  // Held since the switch was asked for, so that no byte was lost before somebody listened.
  guest.stream.resume();
}

const OPEN: HelloGate = {
  client: (chunk) => ({ release: [chunk] }),
  clientEnd: () => ({ release: [] }),
  server: () => ({ release: [] }),
  phase: () => 'open',
  heldBytes: () => 0,
  protocol: () => 'other',
};

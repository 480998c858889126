// Carries bytes between a guest stream and an upstream socket: the gate in the one direction, backpressure in both.
// Invariant: a byte of the guest goes upstream only after the gate released it and the session's budget paid for it.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Watch } from '../injection.ts';
import type { HelloGate, GateStep } from './hello-gate.ts';
import type { Overspent } from '../quotas.ts';

export interface RelayLimits {
  /** milliseconds from a client's first held byte to a complete hello */
  hello: number;
  /** milliseconds without a byte either way */
  idle: number;
  /** the same once one side has ended */
  halfClosedIdle: number;
}

export type RelayEnd = 'closed' | 'reset' | 'refused' | 'idle' | 'stopped';

export interface RelaySummary {
  end: RelayEnd;
  bytesOut: number;
  bytesIn: number;
}

export interface RelayOptions {
  guest: Duplex;
  upstream: Socket;
  gate: HelloGate;
  limits: RelayLimits;
  /** Takes bytes; what came of it when there are not enough left. */
  spend: (bytes: number) => Overspent | undefined;
  /** Called before both sides are reset. */
  onRefuse: (reason: string) => void;
  onOverspend: (over: Overspent) => void;
  /** looks at what the server says */
  watch?: Watch | undefined;
  onEnd: (summary: RelaySummary) => void;
}

/** Held bytes behind a hello after which the guest is no longer read. */
const MAX_HELD = 64 * 1024;

/** Starts the relay and returns what stops it. */
export function relay(options: RelayOptions): () => void {
  const { guest, upstream, gate, limits } = options;
  const summary: RelaySummary = { end: 'closed', bytesOut: 0, bytesIn: 0 };
  let isOver = false;
  let isUpstreamFull = false;
  let hasGuestEnded = false;
  let hasUpstreamEnded = false;
  let helloTimer: NodeJS.Timeout | undefined;
  let idleTimer = setTimeout(() => finish('idle'), limits.idle);

  function finish(end: RelayEnd): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(helloTimer);
    clearTimeout(idleTimer);
    summary.end = end;
    if (end !== 'closed') {
      guest.destroy();
      reset(upstream);
    }
    options.onEnd(summary);
  }

  function refuse(reason: string): void {
    if (isOver) return;
    options.onRefuse(reason);
    finish('refused');
  }

  function apply(step: GateStep): void {
    if (step.refusal !== undefined) return refuse(step.refusal);
    for (const bytes of step.release) {
      const over = options.spend(bytes.length);
      if (over !== undefined) {
        options.onOverspend(over);
        return finish('refused');
      }
      summary.bytesOut += bytes.length;
      if (!upstream.write(bytes)) isUpstreamFull = true;
    }
    watchHello();
    const shouldWait = isUpstreamFull || gate.heldBytes() >= MAX_HELD;
    if (shouldWait) guest.pause();
    else if (guest.isPaused()) guest.resume();
    if (hasGuestEnded) endUpstream();
  }

  function watchHello(): void {
    const phase = gate.phase();
    const isPartial =
      (phase === 'start' || phase === 'hello' || phase === 'retry') && gate.heldBytes() > 0;
    if (!isPartial) {
      clearTimeout(helloTimer);
      helloTimer = undefined;
    } else {
      helloTimer ??= setTimeout(
        () => refuse('the TLS hello did not become complete in time'),
        limits.hello,
      );
    }
  }

  function endUpstream(): void {
    if (gate.phase() === 'answer' && gate.heldBytes() > 0) return; // ends once the server's answer releases them
    if (!upstream.writableEnded) upstream.end();
    settle();
  }

  /** Both sides have said all and have been told all. */
  function isDone(): boolean {
    return hasGuestEnded && hasUpstreamEnded && guest.writableFinished && upstream.writableFinished;
  }

  function settle(): void {
    if (isDone()) return finish('closed');
    if (isOver) return;
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => finish('idle'), limits.halfClosedIdle);
  }

  const release = (bytes: Buffer): void => {
    if (!isOver && !guest.write(bytes)) upstream.pause();
  };
  const watch = options.watch?.(release);

  guest.on('data', (chunk: Buffer) => {
    if (isOver) return;
    idleTimer.refresh();
    apply(gate.client(chunk));
  });
  guest.on('end', () => {
    hasGuestEnded = true;
    if (!isOver) apply(gate.clientEnd());
  });
  upstream.on('data', (chunk: Buffer) => {
    if (isOver) return;
    idleTimer.refresh();
    summary.bytesIn += chunk.length;
    if (watch === undefined) release(chunk);
    else if (!watch.push(chunk)) return finish('refused');
    const step = gate.server(chunk);
    if (gate.phase() !== 'open' || step.release.length > 0) apply(step);
  });
  upstream.on('end', () => {
    hasUpstreamEnded = true;
    if (isOver) return;
    watch?.end();
    guest.end();
    settle();
  });
  upstream.on('drain', () => {
    isUpstreamFull = false;
    if (!isOver && gate.heldBytes() < MAX_HELD) guest.resume();
  });
  guest.on('drain', () => {
    if (!isOver) upstream.resume();
  });
  guest.on('error', () => finish('reset'));
  upstream.on('error', () => finish('reset'));
  for (const side of [guest, upstream]) {
    side.on('finish', settle);
    side.on('close', () => finish(isDone() ? 'closed' : 'reset'));
  }
  return () => finish('stopped');
}

/** A reset is said in TCP: of a connection in TLS, Node takes it for a mistake and throws. */
function reset(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

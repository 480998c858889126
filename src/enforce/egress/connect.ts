// One TCP connection of the guest, from the address it dialled to the relay: who is meant, is it allowed, which checked
// address is it, does the hello agree. Invariant: no step begins before the one before it said yes and is on record.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { HOST_NAME, HOST_REASON } from '../../match/host.ts';
import { messageOf } from '../../model/error.ts';
import type { AddressCheck } from './address-check.ts';
import type { Budget } from './budget.ts';
import { createHelloGate } from './hello-gate.ts';
import type { CheckId, Judge } from './judge.ts';
import type { Inspection } from './inspection.ts';
import type { Spend } from './meter.ts';
import { relay } from './relay.ts';
import type { RelayLimits, RelaySummary } from './relay.ts';
import { unreachable } from './route.ts';
import type { RouteLimits, Router } from './route.ts';
import type { SyntheticAddresses } from './synthetic.ts';
import { createTargets } from './target.ts';
import type { Admitted, Answer, Destination, Opener, Refused, Target, Way } from './target.ts';

export interface ConnectLimits extends RelayLimits, RouteLimits {
  /** connections at once */
  connections: number;
}

export interface ConnectorOptions {
  judge: Judge;
  synthetic: SyntheticAddresses;
  checkAddress: AddressCheck;
  router: Router;
  budget: Pick<Budget, 'exhausted'>;
  spend: Spend;
  inspection: Inspection;
  /** credentials are bound to that place, so requests there are looked at */
  isBound: (host: string, port: number) => boolean;
  limits: ConnectLimits;
  onFault: (reason: string) => void;
}

/** What holds for everything that leaves, connections and datagrams. */
export interface Gate {
  /** The decision about a target, on record. */
  admit(target: Target): Admission;
  /** The checked addresses of an allowed target; undefined, and on record, when there is anything wrong with any. */
  addressesOf(target: Target): Promise<string[] | undefined>;
  /** Counts as open until the function that comes back is called; aborted when all is closed. */
  hold(abort: AbortController): () => void;
}

export interface Connector extends Opener, Gate {
  serve(destination: Destination, stream: Duplex): void;
  close(): void;
}

export type Admission =
  { how: 'relayed' | 'inspected'; target: Admitted } | ({ how: 'refused' } & Refused);

export function createConnector(options: ConnectorOptions): Connector {
  const { judge, synthetic, limits, budget } = options;
  const targets = createTargets(judge, synthetic);
  const live = new Set<() => void>();
  let isClosed = false;

  function serve(destination: Destination, stream: Duplex): void {
    // The guest may reset at any moment; without a listener that would be an exception.
    stream.on('error', () => undefined);
    const target = targets.of(destination);
    const admission = target === undefined ? undefined : admit(target);
    if (target === undefined || admission === undefined || admission.how === 'refused') {
      stream.destroy();
      return;
    }
    proceed(admission, stream);
  }

  /** The same for a client that names its destination in words, and is told what came of it. */
  function open(name: string, port: number, stream: Duplex, answer: Answer): void {
    stream.on('error', () => undefined);
    const target = isClosed ? undefined : targets.named(name, port);
    const admission = target === undefined ? undefined : admit(target);
    if (target === undefined || admission === undefined) {
      answer({ reason: 'this is no host and port that a connection could go to' });
      return;
    }
    answer(admission.how === 'refused' ? admission : undefined, target.request);
    if (admission.how !== 'refused') proceed(admission, stream);
  }

  /** The decision alone, for a client that sends requests to several servers over one connection. */
  function reach(
    name: string,
    port: number,
    { isHeld, abort }: { isHeld: boolean; abort: AbortController },
  ): Way | { refused: Refused; request?: Target['request'] } {
    const target = isClosed ? undefined : targets.named(name, port);
    if (target === undefined)
      return { refused: { reason: 'this is no host and port that a connection could go to' } };
    const admission = admit(target, isHeld);
    if (admission.how === 'refused') return { refused: admission, request: target.request };
    const { how, target: admitted } = admission;
    return { target: admitted, how, dial: dialerTo(admitted, abort.signal) };
  }

  function hold(abort: AbortController): () => void {
    const stop = (): void => abort.abort();
    live.add(stop);
    return () => void live.delete(stop);
  }

  function proceed({ target, how }: Admission & { target: Admitted }, stream: Duplex): void {
    const abort = new AbortController();
    const release = hold(abort);
    const served =
      how === 'inspected' ? inspect(target, stream, abort) : carry(target, stream, abort);
    served
      .catch((error: unknown) => {
        stream.destroy();
        options.onFault(`egress failed: ${messageOf(error)}`);
      })
      .finally(release);
  }

  function admit(target: Target, isHeld = false): Admission {
    const { request, host, isName } = target;
    const deny = (check: CheckId, reason: string): Admission => {
      judge.refuse(request, check, reason);
      return { how: 'refused', check, reason };
    };
    if (isClosed) return { how: 'refused', reason: 'the session is over' };
    const spent = budget.exhausted();
    if (spent !== undefined) return deny('egress-limit', spent);
    if (!isHeld && live.size >= limits.connections)
      return deny('egress-limit', `${limits.connections} connections are open already`);
    const { allowed, decision } = judge.ask(request);
    if (!allowed) return { how: 'refused', decision, reason: decision.reason };
    // Audit mode watches what would be denied; it opens nothing of the host.
    if (host === HOST_NAME && decision.effect === 'deny') return deny('egress-host', HOST_REASON);
    const fault = isName ? undefined : options.checkAddress.direct(host);
    if (fault !== undefined) return deny('egress-address', fault);
    const viaProxy = options.router.viaOf(target);
    const isAllowed = decision.effect === 'allow';
    return {
      how: decision.isInspected || options.isBound(host, target.port) ? 'inspected' : 'relayed',
      target: {
        ...target,
        isAllowed,
        limits: decision.limits ?? [],
        ...(viaProxy !== undefined && { viaProxy }),
      },
    };
  }

  /** Lets requests through one by one; the server is dialled when the first of them is allowed. */
  async function inspect(
    target: Admitted,
    stream: Duplex,
    { signal }: AbortController,
  ): Promise<void> {
    signal.addEventListener('abort', () => stream.destroy());
    await options.inspection.serve(target, stream, dialerTo(target, signal));
  }

  function dialerTo(target: Admitted, signal: AbortSignal): () => Promise<Socket> {
    const route = options.router.to(target);
    return async () => {
      const socket = await route.connect(signal);
      if (socket === undefined) throw unreachable(target.host);
      return socket;
    };
  }

  async function carry(target: Admitted, stream: Duplex, abort: AbortController): Promise<void> {
    const { signal } = abort;
    const onClose = (): void => abort.abort();
    stream.once('close', onClose);
    const startedAt = performance.now();
    const report = (facts: Record<string, string | number>): void =>
      judge.outcome(target.request, {
        ...facts,
        milliseconds: Math.round(performance.now() - startedAt),
      });
    const route = options.router.to(target);
    let upstream;
    try {
      upstream = await route.connect(signal);
    } catch (error) {
      stream.destroy();
      report({ end: 'unreachable', error: messageOf(error) });
      return;
    }
    if (upstream === undefined || signal.aborted) {
      stream.destroy();
      upstream?.destroy();
      return;
    }
    const gate = createHelloGate(target.isName ? target.host : undefined);
    const summary = await new Promise<RelaySummary>((resolve) => {
      // From here on the relay itself sees how the stream closes.
      stream.off('close', onClose);
      const stop = relay({
        guest: stream,
        upstream,
        gate,
        limits,
        spend: (bytes) => options.spend(bytes, target),
        onRefuse: (reason) => judge.refuse(target.request, 'egress-hello', reason),
        onOverspend: (over) => judge.overspend(target.request, over),
        onEnd: resolve,
      });
      signal.addEventListener('abort', stop);
    });
    report({ ...summary, protocol: gate.protocol(), ...route.facts(upstream) });
  }

  return {
    serve,
    open,
    reach,
    hold,
    admit,
    addressesOf: (target) => options.router.addressesOf(target),
    close() {
      isClosed = true;
      for (const stop of live) stop();
    },
  };
}

// One TCP connection of the guest, from the address it dialled to the relay: who is meant, is it allowed, which checked
// address is it, does the hello agree. Invariant: no step begins before the one before it said yes and is on record.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { HOST_NAME, HOST_REASON } from '../../match/host.ts';
import { SandboxError, messageOf } from '../../model/error.ts';
import type { AddressCheck } from './address-check.ts';
import type { Budget } from './budget.ts';
import { dialledAddress } from './canonical.ts';
import { dialFirst } from './dial.ts';
import type { Dial } from './dial.ts';
import { createHelloGate } from './hello-gate.ts';
import type { CheckId, Judge } from './judge.ts';
import type { Inspection } from './inspection.ts';
import type { Lookup } from './lookup.ts';
import { relay } from './relay.ts';
import type { RelayLimits, RelaySummary } from './relay.ts';
import type { SyntheticAddresses } from './synthetic.ts';
import { createTargets } from './target.ts';
import type { Answer, Destination, Opener, Refused, Target, Way } from './target.ts';

export interface ConnectLimits extends RelayLimits {
  /** connections at once */
  connections: number;
  /** milliseconds to connect upstream */
  connect: number;
  /** milliseconds before the next address is tried beside the last */
  stagger: number;
}

export interface ConnectorOptions {
  judge: Judge;
  synthetic: SyntheticAddresses;
  checkAddress: AddressCheck;
  lookup: Lookup;
  dial: Dial;
  budget: Budget;
  inspection: Inspection;
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

export type Admission = { how: 'relayed' | 'inspected' } | ({ how: 'refused' } & Refused);

export function createConnector(options: ConnectorOptions): Connector {
  const { judge, synthetic, limits, budget } = options;
  const targets = createTargets(judge, synthetic);
  const live = new Set<() => void>();
  let isClosed = false;

  function serve(destination: Destination, stream: Duplex): void {
    // The guest may reset at any moment; without a listener that would be an exception.
    stream.on('error', () => undefined);
    const target = targets.of(destination);
    const admission = isClosed || target === undefined ? undefined : admit(target);
    if (target === undefined || admission === undefined || admission.how === 'refused') {
      stream.destroy();
      return;
    }
    proceed(target, stream, admission.how);
  }

  /** The same for a client that names its destination in words, and is told what came of it. */
  function open(name: string, port: number, stream: Duplex, answer: Answer): void {
    stream.on('error', () => undefined);
    const target = targets.named(name, port);
    const admission = isClosed || target === undefined ? undefined : admit(target);
    if (target === undefined || admission === undefined) {
      answer({ reason: 'this is no host and port that a connection could go to' });
      return;
    }
    answer(admission.how === 'refused' ? admission : undefined, target.request);
    if (admission.how !== 'refused') proceed(target, stream, admission.how);
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
    return { target, how: admission.how, dial: dialerTo(target, abort.signal) };
  }

  function hold(abort: AbortController): () => void {
    const stop = (): void => abort.abort();
    live.add(stop);
    return () => void live.delete(stop);
  }

  function proceed(target: Target, stream: Duplex, how: 'relayed' | 'inspected'): void {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    live.add(stop);
    const served =
      how === 'inspected' ? inspect(target, stream, abort) : carry(target, stream, abort);
    served
      .catch((error: unknown) => {
        stream.destroy();
        options.onFault(`egress failed: ${messageOf(error)}`);
      })
      .finally(() => live.delete(stop));
  }

  function admit({ request, host, isName }: Target, isHeld = false): Admission {
    const deny = (check: CheckId, reason: string): Admission => {
      judge.refuse(request, check, reason);
      return { how: 'refused', check, reason };
    };
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
    return { how: decision.isInspected ? 'inspected' : 'relayed' };
  }

  /** Lets requests through one by one; the server is dialled when the first of them is allowed. */
  async function inspect(
    target: Target,
    stream: Duplex,
    { signal }: AbortController,
  ): Promise<void> {
    signal.addEventListener('abort', () => stream.destroy());
    await options.inspection.serve(target, stream, dialerTo(target, signal));
  }

  /** Looks the name up once, for however many connections. */
  function dialerTo(target: Target, signal: AbortSignal): () => Promise<Socket> {
    let addresses: string[] | undefined;
    return async () => {
      addresses ??= target.isName ? await addressesOf(target) : [target.host];
      if (addresses === undefined) throw unreachable(`${target.host} leads to no allowed address`);
      return dialAny(target, addresses, signal);
    };
  }

  function dialAny(target: Target, addresses: string[], signal: AbortSignal): Promise<Socket> {
    return dialFirst({
      ...options,
      addresses,
      port: target.port,
      timeout: limits.connect,
      stagger: limits.stagger,
      signal,
    });
  }

  async function carry(target: Target, stream: Duplex, abort: AbortController): Promise<void> {
    const { signal } = abort;
    const onClose = (): void => abort.abort();
    stream.once('close', onClose);
    const startedAt = performance.now();
    const addresses = target.isName ? await addressesOf(target) : [target.host];
    if (addresses === undefined || signal.aborted) {
      stream.destroy();
      return;
    }
    const report = (facts: Record<string, string | number>): void =>
      judge.outcome(target.request, {
        ...facts,
        milliseconds: Math.round(performance.now() - startedAt),
      });
    let upstream;
    try {
      upstream = await dialAny(target, addresses, signal);
    } catch (error) {
      stream.destroy();
      report({ end: 'unreachable', error: messageOf(error) });
      return;
    }
    if (signal.aborted) {
      upstream.destroy();
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
        spend: (bytes) => budget.spend(bytes),
        onRefuse: (reason, check) => judge.refuse(target.request, check, reason),
        onEnd: resolve,
      });
      signal.addEventListener('abort', stop);
    });
    report({ ...summary, protocol: gate.protocol(), address: upstream.remoteAddress ?? '' });
  }

  /** All addresses of the name, each of them checked; undefined, and a record, when there is anything wrong with any. */
  async function addressesOf(target: Target): Promise<string[] | undefined> {
    if (target.host === HOST_NAME) return HOST_LOOPBACK;
    let answers: string[];
    try {
      answers = await options.lookup(target.host);
    } catch (error) {
      judge.refuse(target.request, 'egress-lookup', messageOf(error));
      return undefined;
    }
    const faults = answers.map((answer) => options.checkAddress.behindName(answer, target.request));
    const fault = faults.find((found) => found !== undefined);
    if (fault === undefined) return [...new Set(answers.map(dialledAddress))];
    judge.refuse(target.request, 'egress-address', fault);
    return undefined;
  }

  return {
    serve,
    open,
    reach,
    hold,
    admit,
    addressesOf: async (target) => (target.isName ? addressesOf(target) : [target.host]),
    close() {
      isClosed = true;
      for (const stop of live) stop();
    },
  };
}

/** All that HOST_NAME means; no resolver is asked. */
const HOST_LOOPBACK = ['127.0.0.1', '::1'];

function unreachable(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_UNREACHABLE', message });
}

// Datagrams between a process of the guest and one address, where a rule opens them: who is meant, is it allowed, which
// checked address is it. Invariant: nothing is sent before the flow was allowed and recorded, and nothing is taken from any
// other address. They pass unread.

import dgram from 'node:dgram';
import net from 'node:net';
import type { Duplex } from 'node:stream';

import { readDatagrams, writeDatagram } from '../../guest/datagrams.ts';
import { errnoOf, messageOf } from '../../model/error.ts';
import type { EffectivePolicy } from '../../model/policy.ts';
import type { Gate } from './connect.ts';
import type { Judge } from './judge.ts';
import type { Spend } from './meter.ts';
import type { Admitted, Destination, Targets } from './target.ts';

/** A socket that sends to `address:port` and takes what comes from there alone, once it is connected. */
export type DialDatagrams = (address: string, port: number) => dgram.Socket;

export const dialDatagrams: DialDatagrams = (address, port) => {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  socket.connect(port, address);
  return socket;
};

export interface DatagramsOptions {
  targets: Targets;
  gate: Gate;
  judge: Judge;
  spend: Spend;
  dial: DialDatagrams;
  /** milliseconds without a datagram in either direction */
  idle: number;
  onFault: (reason: string) => void;
}

export interface Datagrams {
  serve(destination: Destination, stream: Duplex): void;
}

/** The ports on which some rule opens datagrams: on all others the guest's own kernel says that nobody is there. */
export function datagramPorts(policy: EffectivePolicy): number[] {
  const rules = policy.layers.flatMap((layer) => layer.network.allow);
  const opening = rules.filter((rule) => rule.protocol === 'udp');
  return [...new Set(opening.flatMap((rule) => rule.ports ?? []))].sort((a, b) => a - b);
}

/** Datagrams that wait while the address of their target is found out, and bytes of them. */
const WAITING = 16;
const WAITING_BYTES = 64 * 1024;
/** Bytes that may wait for the host's network; what comes beyond them is lost, as datagrams may be. */
const UNSENT_BYTES = 256 * 1024;

export function createDatagrams(options: DatagramsOptions): Datagrams {
  const { targets, gate, judge, spend } = options;

  function serve(destination: Destination, stream: Duplex): void {
    stream.on('error', () => undefined);
    const target = targets.of(destination, 'udp');
    const admission = target === undefined ? undefined : gate.admit(target);
    if (target === undefined || admission?.how !== 'relayed') {
      stream.destroy();
      return;
    }
    const abort = new AbortController();
    const release = gate.hold(abort);
    stream.once('close', () => abort.abort());
    carry(admission.target, stream, abort.signal)
      .catch((error: unknown) => options.onFault(`egress failed: ${messageOf(error)}`))
      .finally(() => {
        stream.destroy();
        release();
      });
  }

  async function carry(target: Admitted, stream: Duplex, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const early: Buffer[] = [];
    let waiting = 0;
    let take = (bytes: Buffer): void => {
      if (early.length >= WAITING || waiting + bytes.length > WAITING_BYTES) return;
      waiting += bytes.length;
      early.push(Buffer.from(bytes));
    };
    readDatagrams(stream, (bytes) => take(bytes));
    const [address] = (await gate.addressesOf(target)) ?? [];
    if (address === undefined || signal.aborted) return;
    const socket = options.dial(address, target.port);
    const facts = { bytesOut: 0, bytesIn: 0 };
    let isOver = false;
    const end = await new Promise<string>((settle) => {
      // Many more may come in the same bytes: none of them is sent, or refused, on its own.
      const resolve = (how: string): void => {
        isOver = true;
        settle(how);
      };
      const idle = setTimeout(() => resolve('idle'), options.idle);
      signal.addEventListener('abort', () => resolve('closed'));
      socket.on('error', (error) => resolve(errnoOf(error) ?? messageOf(error)));
      socket.on('close', () => clearTimeout(idle));
      socket.on('message', (bytes) => {
        idle.refresh();
        if (writeDatagram(stream, bytes)) facts.bytesIn += bytes.length;
      });
      socket.once('connect', () => {
        take = (bytes) => {
          if (isOver) return;
          idle.refresh();
          if (socket.getSendQueueSize() + bytes.length > UNSENT_BYTES) return;
          const over = spend(bytes.length, target);
          if (over !== undefined) {
            judge.overspend(target.request, over);
            resolve('limit');
            return;
          }
          facts.bytesOut += bytes.length;
          socket.send(bytes);
        };
        for (const bytes of early.splice(0)) take(bytes);
      });
    });
    take = () => undefined;
    socket.close();
    judge.outcome(target.request, {
      ...facts,
      end,
      address,
      milliseconds: Math.round(performance.now() - startedAt),
    });
  }

  return { serve };
}

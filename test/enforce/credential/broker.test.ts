// The life of a credential, by a clock that tests turn: minted at first use, renewed in time, ended with its time or the session.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createBroker } from '../../../src/enforce/credential/broker.ts';
import type { Broker } from '../../../src/enforce/credential/broker.ts';
import type { GrantedCredential } from '../../../src/model/policy.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { Minted } from '../../../src/provider/provider.ts';

const MINUTE = 60_000;
const credential = { id: 'c', provider: 'env' } as GrantedCredential;

interface Bench {
  broker: Broker;
  minted: string[];
  revoked: string[];
  /** values that answers are searched for */
  live: Set<string>;
  /** what the journal holds */
  kept: Set<string>;
  records: Record<string, unknown>[];
  value(): Promise<string>;
}

interface BenchOptions {
  life?: number | undefined;
  mint?: (count: number) => Promise<void>;
  isRevocable?: boolean;
  revoke?: 'revoked' | 'failed';
  allowed?: boolean;
}

function benchOf({
  life = 60 * MINUTE,
  mint,
  isRevocable = true,
  revoke = 'revoked',
  allowed = true,
}: BenchOptions = {}): Bench {
  const bench = {
    minted: [] as string[],
    revoked: [] as string[],
    live: new Set<string>(),
    kept: new Set<string>(),
    records: [] as Record<string, unknown>[],
  };
  let count = 0;
  const valueOf = ({ material }: Minted): string =>
    material.kind === 'token' ? material.token.reveal() : '';
  const broker = createBroker({
    point: {
      ask: () =>
        ({
          allowed,
          decision: { effect: allowed ? 'allow' : 'deny', reason: 'denied by a test' },
        }) as never,
      append: (event) => bench.records.push({ ...event }) > 0,
    },
    credentials: [credential],
    mint: async () => {
      count += 1;
      const token = `token-${count}`;
      await mint?.(count);
      bench.minted.push(token);
      return {
        material: { kind: 'token', token: new Secret(token) },
        kind: 'test',
        ...(life !== 0 && { notAfter: Date.now() + life }),
        requested: {},
        granted: {},
        ...(isRevocable && {
          revocation: { method: 'DELETE', url: token, headers: {}, done: [204] },
        }),
      };
    },
    revoke: ({ url }) => {
      bench.revoked.push(url);
      return Promise.resolve(revoke);
    },
    remember: (_, minted) => {
      bench.kept.add(valueOf(minted));
      return { remove: () => void bench.kept.delete(valueOf(minted)) };
    },
    onLive: (_, material) => {
      const value = material.kind === 'token' ? material.token.reveal() : '';
      bench.live.add(value);
      return () => void bench.live.delete(value);
    },
    now: () => Date.now(),
  });
  return {
    ...bench,
    broker,
    async value() {
      const taken = await broker.take('c');
      if ('reason' in taken) return taken.reason;
      return taken.material.kind === 'token' ? taken.material.token.reveal() : '';
    },
  };
}

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 21) }));
afterEach(() => void vi.useRealTimers());

const later = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('a credential', () => {
  it.each([
    ['of an hour at three quarters', 60, 45],
    ['of a quarter of an hour five minutes before its end', 15, 10],
    ['of five minutes at three quarters', 5, 3.75],
  ])('%s is minted anew (CM-22)', async (_, life, due) => {
    const bench = benchOf({ life: life * MINUTE });
    expect(await bench.value()).toBe('token-1');
    await later(due * MINUTE - 1000);
    expect(await bench.value()).toBe('token-1');
    await later(1000);
    expect(await bench.value()).toBe('token-2');
  });

  it('is minted once for fifty that ask at the same time, at first and when it is due (CM-23)', async () => {
    const bench = benchOf({ mint: () => new Promise((resolve) => setTimeout(resolve, 500)) });
    for (const token of ['token-1', 'token-2']) {
      const all = Promise.all(Array.from({ length: 50 }, () => bench.value()));
      await later(500);
      expect(new Set(await all)).toEqual(new Set([token]));
      await later(45 * MINUTE);
    }
    expect(bench.minted).toHaveLength(2);
  });

  it('that was replaced is looked for in answers until it is revoked, half a minute later', async () => {
    const bench = benchOf();
    await bench.value();
    await later(45 * MINUTE);
    await bench.value();
    expect([...bench.live]).toEqual(['token-1', 'token-2']);
    await later(29_000);
    expect([bench.revoked, [...bench.live]]).toEqual([[], ['token-1', 'token-2']]);
    await later(1000);
    expect([bench.revoked, [...bench.live], [...bench.kept]]).toEqual([
      ['token-1'],
      ['token-2'],
      ['token-2'],
    ]);
  });

  it('that nobody can revoke is looked for until it ends by itself', async () => {
    const bench = benchOf({ isRevocable: false });
    await bench.value();
    await later(45 * MINUTE);
    await bench.value();
    await later(14 * MINUTE);
    expect([...bench.live]).toEqual(['token-1', 'token-2']);
    await later(MINUTE);
    expect([...bench.live]).toEqual(['token-2']);
  });

  it('that could not be revoked stays in the journal, and is looked for', async () => {
    const bench = benchOf({ revoke: 'failed' });
    await bench.value();
    await bench.broker.close();
    expect([[...bench.kept], [...bench.live]]).toEqual([['token-1'], ['token-1']]);
    expect(bench.records.at(-1)).toMatchObject({ type: 'credential.revoke', result: 'failed' });
  });

  it('is revoked when its time is over, whether it was used again or not', async () => {
    const bench = benchOf({ life: 15 * MINUTE });
    await bench.value();
    await later(15 * MINUTE);
    expect([bench.revoked, [...bench.kept]]).toEqual([['token-1'], []]);
    expect(await bench.value()).toBe('token-2');
  });

  it('serves on where no new one can be had, until its last half minute', async () => {
    const bench = benchOf({
      mint: (count) => (count > 1 ? Promise.reject(new Error('down')) : Promise.resolve()),
    });
    await bench.value();
    await later(50 * MINUTE);
    expect(await bench.value()).toBe('token-1');
    await later(9 * MINUTE + 30_001);
    expect(await bench.value()).toBe('the exchange failed');
    expect(bench.records.filter(({ type }) => type === 'credential.refuse').length).toBeGreaterThan(
      0,
    );
  });

  it('that would end within half a minute is not used, and revoked at once', async () => {
    const bench = benchOf({ life: 29_000 });
    expect(await bench.value()).toBe('it ends within 30 seconds of its making');
    expect([bench.revoked, [...bench.live], [...bench.kept]]).toEqual([['token-1'], [], []]);
  });

  it('without an end of its own is minted once', async () => {
    const bench = benchOf({ life: 0 });
    await bench.value();
    await later(24 * 60 * MINUTE);
    expect(await bench.value()).toBe('token-1');
  });

  it('that the policy does not allow is not minted', async () => {
    const bench = benchOf({ allowed: false });
    expect(await bench.value()).toBe('denied by a test');
    expect(bench.minted).toEqual([]);
  });

  it('that is minted while the session ends is revoked, and nothing comes after', async () => {
    const bench = benchOf({ mint: () => new Promise((resolve) => setTimeout(resolve, 500)) });
    const asked = bench.value();
    const closed = bench.broker.close();
    await later(1000);
    expect(await asked).toBe('the session is over');
    await closed;
    expect([bench.revoked, [...bench.kept]]).toEqual([['token-1'], []]);
    await later(10_000);
    expect(await bench.value()).toBe('the session is over');
    expect(bench.minted).toEqual(['token-1']);
  });
});

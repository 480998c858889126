// Random choices for fuzz tests that a printed seed plays back: FUZZ_SEED=N npx vitest run FILE.

export interface Random {
  seed: number;
  /** 0 <= n < limit */
  below(limit: number): number;
  bytes(length: number): Buffer;
  pick<T>(choices: readonly [T, ...T[]]): T;
  chance(probability: number): boolean;
}

export function createRandom(name: string): Random {
  const given = Number(process.env['FUZZ_SEED']);
  const seed =
    Number.isInteger(given) && given > 0 ? given : 1 + Math.floor(Math.random() * 0x7fffffff);
  console.log(`fuzz ${name}: FUZZ_SEED=${seed}`);
  return seededRandom(seed);
}

/** mulberry32 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function unit(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    seed,
    below,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    chance: (probability) => unit() < probability,
  };
}

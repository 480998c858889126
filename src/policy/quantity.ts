// Sizes and durations as people write them. A number without a unit is refused: nobody can tell what was meant.

import type { Rate } from '../model/policy.ts';

const SIZES: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const TIMES: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const SIZE_PATTERN = '^[0-9]{1,9}(\\.[0-9]{1,3})?(B|KB|MB|GB|TB|K|M|G|T|KiB|MiB|GiB|TiB)$';
export const DURATION_PATTERN = '^([0-9]{1,9}(ms|s|m|h|d))+$';

/** Bytes, or undefined when the text is no size such as `4GiB`. */
export function parseSize(text: string): number | undefined {
  const match = new RegExp(SIZE_PATTERN).exec(text);
  if (!match) return undefined;
  const unit = match[2] ?? '';
  const bytes = Math.floor(Number(text.slice(0, text.length - unit.length)) * (SIZES[unit] ?? 0));
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds, or undefined when the text is no duration such as `90s` or `1h30m`. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let total = 0;
  for (const match of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
    total += Number(match[1]) * (TIMES[match[2] ?? ''] ?? 0);
  return total > 0 && Number.isSafeInteger(total) ? total : undefined;
}

export const RATE_PATTERN = '^[1-9][0-9]{0,5}/(session|day|hour|minute)$';

/** Undefined when the text is no rate such as `20/session`. */
export function parseRate(text: string): Rate | undefined {
  if (!new RegExp(RATE_PATTERN).test(text)) return undefined;
  const [count = '', per = ''] = text.split('/');
  return { count: Number(count), per: per as Rate['per'] };
}

export function formatRate({ count, per }: Rate): string {
  return `${count} ${count === 1 ? 'time' : 'times'} a ${per}`.replace('a hour', 'an hour');
}

export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'])
    if (bytes % (SIZES[unit] ?? 1) === 0) return `${bytes / (SIZES[unit] ?? 1)}${unit}`;
  return `${bytes}B`;
}

export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's'])
    if (milliseconds % (TIMES[unit] ?? 1) === 0)
      return `${milliseconds / (TIMES[unit] ?? 1)}${unit}`;
  return `${milliseconds}ms`;
}

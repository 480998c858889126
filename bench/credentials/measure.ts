// What credentials cost: one line for each part that is measured.

import type { Settings } from '../main.ts';
import type { Row } from '../table.ts';
import { measureInjection } from './inject.ts';
import { measureScan } from './scan.ts';
import { measureSignatures } from './sigv4.ts';

const PARTS: readonly ((settings: Settings) => Row[] | Promise<Row[]>)[] = [
  measureScan,
  measureSignatures,
  measureInjection,
];

export async function measureCredentials(settings: Settings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const measure of PARTS) rows.push(...(await measure(settings)));
  return rows;
}

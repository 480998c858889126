import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createNode, type Node } from '../../../src/enforce/filesystem/node.ts';
import { Format, Opcode } from '../../../src/enforce/filesystem/protocol.ts';
import { createStaleListings } from '../../../src/enforce/filesystem/stale-listing.ts';
import { openShare, unavailable } from '../../support/file-share.ts';

const missing = unavailable();
const FILES = 300;

it('a guest that has read files asks for their attributes with the next listing, not one by one', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const share = await openShare({
    prepare: (workspace) => {
      mkdirSync(join(workspace, 'd'));
      for (let index = 0; index < FILES; index += 1)
        writeFileSync(join(workspace, 'd', `f${index}`), `content ${index}\n`);
    },
  });
  try {
    const asked = async (): Promise<number> =>
      (await share.server.counters()).requests[Opcode.GETATTR] ?? 0;
    const readAll = 'find d -type f -print0 | xargs -0 cat | wc -l';
    expect((await share.ok(readAll)).trim()).toBe(String(FILES));
    await sleep(500);
    const before = await asked();
    expect((await share.ok(readAll)).trim()).toBe(String(FILES));
    expect((await asked()) - before).toBeLessThan(FILES / 10);
    expect(share.faults).toEqual([]);
  } finally {
    await share.close();
  }
});

it('a directory is told of once, after it was listed and read in, and not after the end', async () => {
  const told: number[] = [];
  let sent = 0;
  const nothing = (): void => undefined;
  const listings = createStaleListings(
    { attributes: nothing, name: nothing, listing: (directory) => void told.push(directory) },
    () => (sent += 1),
  );
  const node = (id: number, parent: Node | undefined): Node =>
    createNode(id, parent, 'n', { dev: 1n, ino: BigInt(id), format: Format.FILE });
  const [listed, other] = [node(2, undefined), node(3, undefined)];
  listings.listed(listed);
  for (const parent of [listed, other, listed, undefined]) listings.read(node(4, parent));
  await sleep(100);
  expect({ told, sent }).toEqual({ told: [2], sent: 1 });
  listings.read(node(4, listed));
  await sleep(100);
  expect(sent).toBe(1);
  listings.listed(listed);
  listings.read(node(4, listed));
  listings.close();
  await sleep(100);
  expect(sent).toBe(1);
});

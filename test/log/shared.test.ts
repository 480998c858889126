import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { openLog } from '../../src/log/writer.ts';
import { verifyLog } from '../../src/log/verify.ts';
import { CONTEXT, readRecords, removeDirectory, temporaryDirectory } from './session-log.ts';

let directory: string;
let threadFile: string;
beforeAll(async () => {
  directory = temporaryDirectory();
  threadFile = join(directory, 'thread.mjs');
  const entry = join(import.meta.dirname, 'appending-thread.ts');
  await build({
    entryPoints: [entry],
    outfile: threadFile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
});
afterAll(() => {
  removeDirectory(directory);
});

it('stays one chain without gaps while three threads append at once', async () => {
  const file = join(directory, 'decisions.jsonl');
  const log = openLog({ file, context: CONTEXT });
  const count = 3000;
  const threads = ['a', 'b'].map(
    (name) => new Worker(threadFile, { workerData: { shared: log.share(), name, count } }),
  );
  const finished = threads.map((thread) => once(thread, 'message'));
  await Promise.all(threads.map((thread) => once(thread, 'online')));
  for (let i = 0; i < count; i += 1) log.append({ type: 'alert', thread: 'main', number: i });
  await Promise.all(finished);
  log.end({ type: 'session.end' });

  expect(verifyLog(file)).toMatchObject({ status: 'ok', count: 3 * count + 1 });
  const records = readRecords(file);
  for (const name of ['a', 'b', 'main']) {
    const numbers = records
      .filter((record) => record['thread'] === name)
      .map((record) => record['number']);
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
  }
  const changes = records.filter(
    (record, i) => i > 0 && record['thread'] !== records[i - 1]?.['thread'],
  );
  expect(changes.length).toBeGreaterThan(3);
});

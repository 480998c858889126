// `main` of the action.

import { once } from 'node:events';
import { join } from 'node:path';

import { runStep } from '../action/main.ts';

const { stdout } = process;
const code = await runStep({
  environment: process.env,
  program: join(import.meta.dirname, 'cli.js'),
  write: (chunk) => stdout.write(chunk),
  drained: async () => void (stdout.writableNeedDrain && (await once(stdout, 'drain'))),
  onCancel: (listener) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => listener(signal));
  },
});
// What still waits for an answer of a network is not waited for.
process.exit(code);

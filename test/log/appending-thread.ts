// The worker thread of shared.test.ts: appends to the log of the main thread.
import { parentPort, workerData } from 'node:worker_threads';

import { attachLog, type SharedLog } from '../../src/log/shared.ts';

const { shared, name, count } = workerData as { shared: SharedLog; name: string; count: number };
const log = attachLog(shared);
for (let i = 0; i < count; i += 1) log.append({ type: 'alert', thread: name, number: i });
log.close();
parentPort?.postMessage('done');

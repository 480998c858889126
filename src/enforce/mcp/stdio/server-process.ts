// A tool server that speaks over its standard streams, wherever it runs.

import type { Readable, Writable } from 'node:stream';

export interface ServerProcess {
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  /** resolves when it is gone, for whatever reason; never rejects */
  exited: Promise<void>;
  /** Ends it and all it started. */
  kill(): void;
}

export type SpawnServer = () => Promise<ServerProcess>;

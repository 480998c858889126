// The thread that serves files to the guest.

import { runWorker } from '../enforce/filesystem/worker.ts';

runWorker();

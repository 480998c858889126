// The `agent-sandbox` program.

import { constants } from 'node:os';
import { main } from '../cli/program.ts';

const argv = process.argv.slice(2);
// A listing whose reader has gone has nothing more to do. `run` and `exec` end their command first.
if (argv[0] !== 'run' && argv[0] !== 'exec')
  process.stdout.once('error', () => process.exit(128 + constants.signals.SIGPIPE));

await main(argv);

// A host process that owns a machine, for tests that kill it: prints one line of JSON and waits.
// Arguments: cache, cold or warm, and the folders programs are looked for in, as JSON.

import { emulatorOf, startRig } from './engine-rig.ts';

const [cache = '', way = 'warm', search] = process.argv.slice(2);
const rig = await startRig(cache, {
  cold: way === 'cold',
  ...(search === undefined ? {} : { search: JSON.parse(search) as string[] }),
});
await rig.hear('HELLO');
const { restored, jail, notices } = rig.machine;
const qemu = emulatorOf(rig.machine);
process.stdout.write(
  `${JSON.stringify({ pid: process.pid, machine: rig.machine.pid, qemu, restored, jail, notices, progress: rig.progress })}\n`,
);
process.stdin.once('data', () => {
  void rig.end().then(() => process.exit(0));
});

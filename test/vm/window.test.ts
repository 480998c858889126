import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  WINDOW_COUNTS,
  WINDOW_SLOT,
  WINDOW_SLOTS,
  WINDOW_UP,
} from '../../src/enforce/filesystem/window-protocol.ts';
import { type GuestMachine, startGuestMachine } from '../support/guest-machine.ts';

const MEMORY = 512 * 1024 * 1024;
const MIB = 1 << 20;

let guest: GuestMachine;

beforeAll(async () => {
  guest = await startGuestMachine({ memory: MEMORY });
});
afterAll(() => guest.end());

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** How often each slot of a machine's window was emptied. */
function counts({ machine }: GuestMachine): number[] {
  const bytes = Buffer.alloc(4 * WINDOW_SLOTS);
  readSync(machine.window?.descriptor ?? -1, bytes, 0, bytes.length, 0);
  return Array.from({ length: WINDOW_SLOTS }, (_, slot) => bytes.readUInt32LE(4 * slot));
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

async function run(on: GuestMachine, script: string): Promise<string> {
  const result = await on.run(`cd ${on.workspace} && ${script}`);
  expect(result).toMatchObject({ exit: { code: 0 }, stderr: '' });
  return result.stdout.trim();
}

it('long reads, writes and mappings arrive whole, and pass through the window', async () => {
  const before = counts(guest);
  // Neither a multiple of a page nor of a transfer.
  const content = randomBytes(20 * MIB + 12_345);
  writeFileSync(join(guest.workspace, 'big'), content);
  expect(await run(guest, 'sha256sum < big')).toContain(hashOf(content));
  await run(guest, 'cat big > copy && dd if=big of=blocks bs=3000001 status=none');
  for (const name of ['copy', 'blocks'])
    expect(hashOf(readFileSync(join(guest.workspace, name))), name).toBe(hashOf(content));
  await run(guest, 'cp big mapped');
  const mapping =
    'import mmap,hashlib; f=open("mapped","r+b"); m=mmap.mmap(f.fileno(),0); h=hashlib.sha256(m).hexdigest(); m[5000000:9000000]=b"x"*4000000; m.flush(); print(h)';
  expect(await run(guest, `python3 -c '${mapping}'`)).toBe(hashOf(content));
  content.fill('x', 5_000_000, 9_000_000);
  expect(hashOf(readFileSync(join(guest.workspace, 'mapped')))).toBe(hashOf(content));
  const after = counts(guest);
  expect(sum(after.slice(0, WINDOW_UP)) - sum(before.slice(0, WINDOW_UP))).toBeGreaterThan(40);
  expect(sum(after.slice(WINDOW_UP)) - sum(before.slice(WINDOW_UP))).toBeGreaterThan(40);
  expect(guest.faults).toEqual([]);
});

it('many readers and writers at once get each what is theirs', async () => {
  const files = Array.from({ length: 8 }, (_, index) => ({
    name: `part${index}`,
    content: randomBytes(4 * MIB + index),
  }));
  for (const { name, content } of files) writeFileSync(join(guest.workspace, name), content);
  await run(guest, `for i in 0 1 2 3 4 5 6 7; do cat part$i > again$i & done; wait`);
  for (const [index, { content }] of files.entries())
    expect(hashOf(readFileSync(join(guest.workspace, `again${index}`)))).toBe(hashOf(content));
});

it('the agent has no way to the window', async () => {
  const look = await guest.run(
    'for f in /sys/bus/pci/devices/*/resource2*; do test -e $f || exit 9; cat $f; (: >> $f); done; ls /dev/mem /dev/uio* 2>&1',
  );
  expect(look.stdout).not.toMatch(/^\/dev/m);
  expect(look.stderr).toMatch(/resource2: (Permission denied|Read-only file system)/);
  expect(look.exit).not.toEqual({ code: 0 });
  expect(look.exit).not.toEqual({ code: 9 });
});

it('each session begins with a window in which nothing is', async () => {
  const other = await startGuestMachine({ memory: MEMORY });
  try {
    await run(other, 'true');
    // Nothing long was written: the slots of the guest are as they were made.
    const slots = Buffer.alloc(WINDOW_UP * WINDOW_SLOT);
    readSync(other.machine.window?.descriptor ?? -1, slots, 0, slots.length, WINDOW_COUNTS);
    expect(slots.every((byte) => byte === 0)).toBe(true);
    expect(sum(counts(other).slice(0, WINDOW_UP))).toBe(0);
  } finally {
    await other.end();
  }
});

/** Guest root maps the window and writes over all of it for some seconds. */
const SCRIBBLE = `
import mmap, os, random, sys, time
os.makedirs('/tmp/sys', exist_ok=True)
if os.system('mount -t sysfs none /tmp/sys'): sys.exit(7)
import glob
places = [d for d in glob.glob('/tmp/sys/bus/pci/devices/*') if open(d + '/device').read().strip() == '0x1110']
window = mmap.mmap(os.open(places[0] + '/resource2', os.O_RDWR), ${8 * MIB})
print('mapped', flush=True)
r = random.Random(4)
end = time.time() + 6
while time.time() < end:
    at = r.choice([0, r.randrange(${8 * MIB} - 70000), ${WINDOW_COUNTS} + r.randrange(${WINDOW_SLOTS}) * ${WINDOW_SLOT}])
    window[at:at + 65536] = r.randbytes(65536)
`;

it('guest root that writes over the window garbles or ends its own session, and no other', async () => {
  const hostile = await startGuestMachine({ memory: MEMORY });
  try {
    const kept = randomBytes(5 * MIB);
    writeFileSync(join(guest.workspace, 'kept'), kept);
    writeFileSync(join(hostile.workspace, 'scribble.py'), SCRIBBLE);
    writeFileSync(join(hostile.workspace, 'big'), randomBytes(8 * MIB));
    const script = `cd ${hostile.workspace}; python3 scribble.py > said & for i in 1 2 3 4 5 6 7 8; do cat big > copy; done; wait; cat said`;
    const attack = hostile.run(script, { user: 'root' }).then(
      () => 'went on',
      (error: unknown) => (error as { code?: string }).code,
    );
    expect(await run(guest, 'sha256sum < kept && cat kept > still')).toContain(hashOf(kept));
    expect(hashOf(readFileSync(join(guest.workspace, 'still')))).toBe(hashOf(kept));
    // A fault of the file server ends the machine in a session; here the test does.
    const over = new AbortController();
    const end = await Promise.race([attack, faulted(hostile, over.signal)]);
    over.abort();
    expect(['went on', 'faulted', 'GUEST_FAULT']).toContain(end);
    expect(readFileSync(join(hostile.workspace, 'said'), 'latin1')).toContain('mapped');
    for (const fault of hostile.faults) expect(fault).toMatch(/not a FUSE message|guest/);
    expect(await run(guest, 'echo alive')).toBe('alive');
    expect(guest.faults).toEqual([]);
  } finally {
    await hostile.end();
  }
});

async function faulted({ faults }: GuestMachine, over: AbortSignal): Promise<'faulted'> {
  while (faults.length === 0 && !over.aborted)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return 'faulted';
}

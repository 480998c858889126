import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONSOLE_LIMIT } from '../../src/engine/console.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { openSnapshot, snapshotFolder } from '../../src/engine/snapshot.ts';
import {
  createCache,
  emulatorOf,
  familyOf,
  GREETING,
  GUEST,
  isRunning,
  MEMORY,
  type Rig,
  startAndAnswer,
  startRig,
} from '../support/engine-rig.ts';

/** O_ACCMODE, which Node does not name */
const ACCESS_MODE = 3;

let cache: string;
let remove: () => void;

beforeAll(async () => {
  ({ cache, remove } = createCache());
  // The first start boots a guest and saves it; the tests below restore that one.
  const rig = await startAndAnswer(cache);
  expect(rig.machine.notices).toEqual([]);
}, 180_000);

afterAll(() => remove());

function snapshotFile(name: string): string {
  const [key] = readdirSync(join(cache, 'snapshots')).filter((entry) =>
    /^[0-9a-f]{24}$/.test(entry),
  );
  return join(cache, 'snapshots', key ?? 'none', name);
}

/** Writes into a file nobody is meant to write, and puts its mode back. */
function damage(name: string, change: (file: string) => void): void {
  const file = snapshotFile(name);
  const { mode } = statSync(file);
  chmodSync(file, 0o600);
  change(file);
  chmodSync(file, mode & 0o777);
}

function flipByte(file: string, offset: number): void {
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0] = ~(byte[0] ?? 0);
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

describe('a machine', () => {
  it('boots a guest that greets, answers on mux and reads fs', async () => {
    const rig = await startRig(cache, { cold: true });
    try {
      await rig.hear(GREETING);
      rig.mux.write('P');
      await rig.hear('PONG');
      rig.fs.write('q');
      rig.mux.write('E');
      await rig.hear('q');
      expect(rig.machine).toMatchObject({
        restored: false,
        accelerator: 'tcg',
        isolation: 'emulated',
      });
    } finally {
      await rig.end();
    }
    expect(await rig.machine.exited).toMatchObject({ reason: 'killed', signal: 'SIGKILL' });
  });

  it('is restored from the saved guest again and again, each time with one connection per socket and one greeting', async () => {
    for (let round = 0; round < 3; round += 1) {
      const rig = await startRig(cache);
      try {
        await rig.hear(GREETING);
        rig.mux.write('P');
        await rig.hear('PONG');
        expect(rig.machine.restored).toBe(true);
        expect(rig.connections()).toBe(2);
        expect(rig.progress).toEqual([]);
      } finally {
        await rig.end();
      }
    }
  });

  it('does not share memory with another restored from the same snapshot', async () => {
    const rigs: Rig[] = [];
    try {
      for (let count = 0; count < 3; count += 1) rigs.push(await startRig(cache));
      for (const rig of rigs) rig.mux.write('N');
      for (const rig of rigs) await rig.hear('count 1');
      rigs[0]?.mux.write('N');
      await rigs[0]?.hear('count 2');
      rigs[1]?.mux.write('N');
      await rigs[1]?.hear('count 2');
    } finally {
      for (const rig of rigs) await rig.end();
    }
  });

  it("ends as the guest's own doing when the guest powers off or loses its init", async () => {
    for (const letter of ['X', 'C']) {
      const rig = await startRig(cache);
      rig.mux.write(letter);
      expect(await rig.machine.exited).toMatchObject({ reason: 'guest' });
      await rig.end();
    }
  });

  it('is killed while its guest spins with interrupts off', async () => {
    const rig = await startRig(cache);
    const family = familyOf(rig.machine.pid);
    rig.mux.write('S');
    await rig.hear('S');
    const begun = performance.now();
    await rig.end();
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(family.length).toBeGreaterThan(0);
    await expect.poll(() => family.filter(isRunning), { timeout: 2_000 }).toEqual([]);
  });

  it('keeps a flooded console within its limit, and the guest stays killable', async () => {
    const rig = await startRig(cache);
    rig.mux.write('F');
    await expect
      .poll(() => statSync(rig.console).size, { timeout: 20_000 })
      .toBeGreaterThan(64 * 1024);
    expect(statSync(rig.console).size).toBeLessThanOrEqual(CONSOLE_LIMIT);
    await rig.end();
  });
});

describe('the jail', () => {
  it('shows QEMU no network, no process, no socket and no writable file but the window', async () => {
    const rig = await startRig(cache);
    try {
      const qemu = emulatorOf(rig.machine);
      const space = (name: string, pid: number | 'self'): string =>
        readlinkSync(`/proc/${pid}/ns/${name}`);
      for (const name of ['net', 'pid', 'mnt', 'ipc', 'uts'])
        expect(space(name, qemu)).not.toBe(space(name, 'self'));
      const mounts = readFileSync(`/proc/${qemu}/mountinfo`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      expect(mounts.length).toBeGreaterThan(5);
      const writable = mounts.filter((fields) => !fields[5]?.split(',').includes('ro'));
      expect(writable.map((fields) => fields[4])).toEqual(['/guest/window']);
      const places = mounts.map((fields) => fields[4] ?? '');
      expect(places.filter((place) => /^\/(home|root|tmp|run|work|var)/.test(place))).toEqual([]);
      const files = readdirSync(`/proc/${qemu}/fd`).map((descriptor) =>
        readlinkSync(`/proc/${qemu}/fd/${descriptor}`),
      );
      const opened = files.filter((file) => file.startsWith('/'));
      // The window has no name any more: nobody else can open it.
      const known = ['/dev/null', '/guest/memory', '/guest/window (deleted)'];
      expect(opened.filter((file) => !known.includes(file))).toEqual([]);
    } finally {
      await rig.end();
    }
  });

  it('leaves QEMU no capability, no way to gain one, a seccomp filter and no core dump', async () => {
    const rig = await startRig(cache);
    try {
      const status = readFileSync(`/proc/${emulatorOf(rig.machine)}/status`, 'utf8');
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^CapPrm:\s+0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      const limits = readFileSync(`/proc/${emulatorOf(rig.machine)}/limits`, 'utf8');
      expect(limits).toMatch(/^Max core file size\s+0\s+0/m);
      expect(limits).toMatch(/^Max file size\s+0\s+0/m);
      if (process.getuid?.() === 0) expect(status).not.toMatch(/^Uid:.*\b0\b/m);
    } finally {
      await rig.end();
    }
  });

  it('hands QEMU the memory of the snapshot open for reading only, and a session leaves it as it was', async () => {
    const before = createHash('sha256')
      .update(readFileSync(snapshotFile('memory')))
      .digest('hex');
    const rig = await startRig(cache);
    try {
      const qemu = emulatorOf(rig.machine);
      const descriptor = readdirSync(`/proc/${qemu}/fd`).find(
        (one) => readlinkSync(`/proc/${qemu}/fd/${one}`) === '/guest/memory',
      );
      const flags = /^flags:\s+(\d+)$/m.exec(
        readFileSync(`/proc/${qemu}/fdinfo/${descriptor}`, 'utf8'),
      )?.[1];
      expect(parseInt(flags ?? '', 8) & ACCESS_MODE).toBe(constants.O_RDONLY);
      const shared = readFileSync(`/proc/${qemu}/maps`, 'latin1')
        .split('\n')
        .filter((line) => line.includes('/guest/memory'));
      expect(shared.length).toBeGreaterThan(0);
      expect(shared.every((line) => line.split(' ')[1]?.endsWith('p'))).toBe(true);
      // The root of the jail is reachable for us through /proc: a write there fails as one from inside would.
      expect(() => openSync(`/proc/${qemu}/root/guest/memory`, 'r+')).toThrow(/EROFS|EACCES/);
      expect(() => openSync(`/proc/${qemu}/root/guest/new`, 'w')).toThrow(/EROFS|EACCES/);
      rig.mux.write('NNNP');
      await rig.hear('PONG');
    } finally {
      await rig.end();
    }
    expect(
      createHash('sha256')
        .update(readFileSync(snapshotFile('memory')))
        .digest('hex'),
    ).toBe(before);
  });
});

describe('a snapshot', () => {
  it('is used when it was copied, and not with anything missing, cut or changed', async () => {
    const plan = await makePlan({
      cpus: 1,
      memory: MEMORY,
      accelerator: 'tcg',
      cache,
      guest: GUEST,
    });
    const original = snapshotFolder(cache, plan);
    const copy = `${original}.copy`;
    execFileSync('cp', ['-r', '--sparse=always', original, copy]);
    for (const name of readdirSync(copy)) chmodSync(join(copy, name), 0o600);
    const [state, memory, manifest] = ['state', 'memory', 'manifest.json'].map((name) =>
      join(copy, name),
    ) as [string, string, string];
    const isUsed = async (): Promise<boolean> => (await openSnapshot(copy, plan)) !== undefined;
    expect(await isUsed()).toBe(true);

    const damages: [string, string, () => void][] = [
      ['a truncated state', state, () => truncateSync(state, 1000)],
      ['a flipped byte in the state', state, () => flipByte(state, 5000)],
      ['no state', state, () => rmSync(state)],
      ['half a manifest', manifest, () => truncateSync(manifest, 200)],
      ['another manifest', manifest, () => writeFileSync(manifest, '{"version":1}')],
      ['no manifest', manifest, () => rmSync(manifest)],
    ];
    for (const [what, file, act] of damages) {
      const whole = readFileSync(file);
      act();
      expect(await isUsed(), what).toBe(false);
      writeFileSync(file, whole);
    }
    expect(await isUsed()).toBe(true);
    flipByte(memory, 17 << 20);
    expect(await isUsed(), 'a flipped byte in the memory').toBe(false);
    flipByte(memory, 17 << 20);
    expect(await isUsed(), 'the byte put back').toBe(true);
    truncateSync(memory, MEMORY / 2);
    expect(await isUsed(), 'a truncated memory').toBe(false);
    rmSync(memory);
    expect(await isUsed(), 'no memory').toBe(false);
    rmSync(copy, { recursive: true });
  });

  it('that is broken is built again without a word of failure', async () => {
    damage('memory', (file) => truncateSync(file, MEMORY / 2));
    const rig = await startAndAnswer(cache);
    expect(rig.machine).toMatchObject({ restored: true, notices: [] });
    expect(rig.progress).toContain('booting a guest once and saving it');
  });

  it('that QEMU refuses although its hashes fit is built again once, and said so', async () => {
    const state = snapshotFile('state');
    damage('state', (file) => flipByte(file, 0));
    const manifest = JSON.parse(readFileSync(snapshotFile('manifest.json'), 'utf8')) as {
      state: { sha256: string };
    };
    manifest.state.sha256 = createHash('sha256').update(readFileSync(state)).digest('hex');
    writeFileSync(snapshotFile('manifest.json'), JSON.stringify(manifest));
    const rig = await startAndAnswer(cache);
    expect(rig.machine.restored).toBe(true);
    expect(rig.connections()).toBe(2);
    expect(rig.machine.notices).toHaveLength(1);
    expect(rig.machine.notices[0]).toContain('the saved guest could not be used');
  });

  it('whose files were only touched is hashed and used', async () => {
    const memory = snapshotFile('memory');
    const { mode } = statSync(memory);
    chmodSync(memory, 0o600);
    chmodSync(memory, mode & 0o777);
    const rig = await startAndAnswer(cache);
    expect(rig.machine.restored).toBe(true);
    expect(rig.progress).toEqual([]);
  });
});

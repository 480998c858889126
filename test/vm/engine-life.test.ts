import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseAccelerator, probeAccelerator } from '../../src/engine/accelerator.ts';
import { cacheDirectory } from '../../src/cli/directories.ts';
import { prepareInit } from '../../src/engine/compile.ts';
import { prepareImage } from '../../src/engine/image.ts';
import { cachedKernel } from '../../src/engine/kernel.ts';
import { findProgram, USUAL_PLACES } from '../../src/engine/program.ts';
import { sweepStale } from '../../src/engine/sweep.ts';
import { bundleOwner, startOwner } from '../support/engine-process.ts';
import {
  createCache,
  familyOf,
  GUEST,
  isRunning,
  startAndAnswer,
  startRig,
} from '../support/engine-rig.ts';

const isRoot = process.getuid?.() === 0;
let cache: string;
let remove: () => void;
let bundle: { file: string; remove: () => void };

beforeAll(async () => {
  ({ cache, remove } = createCache());
  bundle = await bundleOwner();
}, 60_000);

afterAll(() => {
  remove();
  bundle.remove();
});

/** A folder with links to all programs but some. */
function placesWithout(...missing: string[]): string[] {
  const folder = join(cache, `places-${missing.join('-')}`);
  if (!existsSync(folder)) {
    mkdirSync(folder);
    for (const name of [
      'qemu-system-x86_64',
      'qemu-system-aarch64',
      'bwrap',
      'unshare',
      'setpriv',
      'env',
      'cc',
      'gcc',
      'ldd',
    ]) {
      const file = findProgram(name, USUAL_PLACES);
      if (file !== undefined && !missing.includes(name)) symlinkSync(file, join(folder, name));
    }
  }
  return [folder];
}

describe('several host processes', () => {
  it('that need the same snapshot at once build it once and all start', async () => {
    const owners = [startOwner(bundle.file, cache, 'warm'), startOwner(bundle.file, cache, 'warm')];
    try {
      const reports = await Promise.all(owners.map((owner) => owner.report));
      expect(reports.map((report) => report.restored)).toEqual([true, true]);
      expect(reports.flatMap((report) => report.notices)).toEqual([]);
      const built = reports.filter((report) =>
        report.progress.includes('booting a guest once and saving it'),
      );
      expect(built).toHaveLength(1);
      expect(
        readdirSync(join(cache, 'snapshots')).filter((name) => !/^[0-9a-f]{24}$/.test(name)),
      ).toEqual([]);
    } finally {
      for (const owner of owners) await owner.end();
    }
  }, 180_000);

  const jails: [string, string[]][] = [
    ['with bubblewrap', []],
    ['without bubblewrap', ['bwrap']],
    ['without bubblewrap and unshare', ['bwrap', 'unshare']],
  ];
  for (const [how, missing] of jails) {
    it(`leave no QEMU behind when they are killed (${how})`, async () => {
      const owner = startOwner(bundle.file, cache, 'warm', { search: placesWithout(...missing) });
      const { pid, machine, qemu } = await owner.report;
      const family = familyOf(machine);
      expect(family).toContain(qemu);
      // Ctrl-C on the owner's terminal does not reach it.
      expect(family.map(sessionOf)).not.toContain(sessionOf(pid));
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => family.filter(isRunning), { timeout: 5_000 }).toEqual([]);
    });
  }

  it('that were killed while they built leave nothing a later one keeps', async () => {
    const other = createCache();
    try {
      const owner = startOwner(bundle.file, other.cache, 'warm');
      const snapshots = join(other.cache, 'snapshots');
      await expect
        .poll(
          () =>
            existsSync(snapshots) && readdirSync(snapshots).some((name) => name.includes('.part-')),
          { timeout: 60_000 },
        )
        .toBe(true);
      owner.child.kill('SIGKILL');
      await expect
        .poll(() => (owner.child.pid === undefined ? [] : familyOf(owner.child.pid)), {
          timeout: 5_000,
        })
        .toEqual([]);
      expect(sweepStale(other.cache).some((path) => path.startsWith(snapshots))).toBe(true);
      const rig = await startAndAnswer(other.cache);
      expect(rig.machine.restored).toBe(true);
      expect(rig.progress).not.toContain('waiting for another process that saves the same guest');
      expect(readdirSync(snapshots).filter((name) => !/^[0-9a-f]{24}$/.test(name))).toEqual([]);
    } finally {
      other.remove();
    }
  }, 180_000);
});

describe('a machine without bubblewrap', () => {
  it('says what the jail lacks, and still keeps QEMU from the network and from writing the snapshot', async () => {
    const rig = await startAndAnswer(cache, { search: placesWithout('bwrap') });
    expect(rig.machine.restored).toBe(true);
    expect(rig.machine.jail.kind).toBe('unshare');
    expect(rig.machine.jail.notice).toContain('bubblewrap is not installed');
    expect(rig.machine.notices).toEqual([rig.machine.jail.notice]);
  });

  it('falls back to the seccomp filter alone where namespaces are missing too, and says so', async () => {
    const rig = await startAndAnswer(cache, { search: placesWithout('bwrap', 'unshare') });
    expect(rig.machine.jail.kind).toBe('seccomp');
    expect(rig.machine.notices.join()).toContain('seccomp filter alone');
  });
});

describe('an ordinary user', () => {
  it('gets the same jail without being root', async (ctx) => {
    if (!isRoot) ctx.skip('this test changes from root to another user');
    const own = createCache();
    try {
      execFileSync('chown', ['-R', '54321:54321', own.cache]);
      const prefix = [
        'setpriv',
        '--reuid=54321',
        '--regid=54321',
        '--clear-groups',
        '--inh-caps=-all',
      ];
      const owner = startOwner(bundle.file, own.cache, 'warm', { prefix });
      const report = await owner.report;
      const status = readFileSync(`/proc/${report.qemu}/status`, 'utf8');
      await owner.end();
      expect(report).toMatchObject({ restored: true, notices: [], jail: { kind: 'bubblewrap' } });
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^CapBnd:\s+0+$/m);
    } finally {
      own.remove();
    }
  }, 120_000);
});

describe('a machine that lacks something', () => {
  it('names QEMU and the next step when QEMU is missing', async () => {
    const search = placesWithout('qemu-system-x86_64', 'qemu-system-aarch64');
    await expect(startRig(cache, { search })).rejects.toMatchObject({
      kind: 'environment',
      code: 'ENGINE_NO_QEMU',
      hint: expect.stringContaining('agent-sandbox setup') as string,
    });
  });

  it('names the compiler when the init was never compiled, and needs none when it was', async () => {
    const search = placesWithout('cc', 'gcc');
    const rig = await startAndAnswer(cache, { search });
    expect(rig.machine.restored).toBe(true);
    const guest = join(cache, 'other-guest');
    mkdirSync(guest, { recursive: true });
    writeFileSync(join(guest, 'init.c'), 'int main(void) { return 0; }\n');
    await expect(startRig(cache, { search, guest })).rejects.toMatchObject({
      code: 'ENGINE_NO_COMPILER',
    });
  });

  it('says that nobody listens when a socket is not there', async () => {
    const sockets = { directory: cache, mux: join(cache, 'no.sock'), fs: join(cache, 'no.sock') };
    await expect(startRig(cache, { sockets })).rejects.toMatchObject({ code: 'ENGINE_SOCKET' });
  });

  it('boots cold and says so when the guest cannot be saved', async () => {
    const search = placesWithout();
    const blocked = createCache();
    try {
      writeFileSync(join(blocked.cache, 'snapshots'), 'a file where the folder should be');
      const rig = await startAndAnswer(blocked.cache, { search });
      expect(rig.machine.restored).toBe(false);
      expect(rig.machine.notices.join()).toContain('the saved guest could not be used');
      expect(rig.progress.join()).toContain('the guest is booted instead');
    } finally {
      blocked.remove();
    }
  }, 120_000);

  for (const size of [{ cpus: 0 }, { cpus: 65 }, { memory: 1024 }]) {
    it(`refuses a size no guest can have: ${JSON.stringify(size)}`, async () => {
      await expect(startRig(cache, size)).rejects.toMatchObject({
        kind: 'usage',
        code: 'ENGINE_SIZE',
      });
    });
  }
});

describe('an accelerator', () => {
  it('asked for by name is refused with a reason where it is missing, never replaced', async () => {
    const options = { cache, guest: GUEST, device: '/dev/nonesuch' };
    await expect(chooseAccelerator('kvm', options)).rejects.toMatchObject({
      code: 'ENGINE_ACCELERATOR',
      message: expect.stringContaining('/dev/nonesuch does not exist') as string,
      hint: expect.any(String) as string,
    });
    await expect(chooseAccelerator('hvf', options)).rejects.toMatchObject({
      code: 'ENGINE_ACCELERATOR',
    });
    expect(await chooseAccelerator('auto', options)).toBe('tcg');
    expect(await chooseAccelerator('tcg', options)).toBe('tcg');
  });

  it('is proven by booting once, and the answer is remembered', async () => {
    const options = { cache: cacheDirectory(process.env) };
    const first = await probeAccelerator(options);
    const second = await probeAccelerator({ ...options, onProgress: (line) => expect.fail(line) });
    expect(second?.usable).toBe(first?.usable);
    expect(second?.reason).toBe(first?.reason);
    expect(second?.usable === true || second?.hint !== undefined).toBe(true);
  });
});

describe('what a guest is booted from', () => {
  it('is not used after a byte of the kernel or of a module was changed', async () => {
    for (const name of ['vmlinuz', 'fuse.ko']) {
      const copy = createCache();
      try {
        const file = join(copy.cache, 'kernels/x86_64', name);
        expect(
          await cachedKernel({ cache: copy.cache, architecture: 'x86_64' }),
          name,
        ).toBeDefined();
        changeByte(file);
        expect(
          await cachedKernel({ cache: copy.cache, architecture: 'x86_64' }),
          name,
        ).toBeUndefined();
      } finally {
        copy.remove();
      }
    }
  });

  it('is packed again, to the same bytes, after a byte of it was changed', async () => {
    const image = await prepareImage({ cache, guest: GUEST });
    const before = readFileSync(image.initrd);
    changeByte(image.initrd);
    expect(readFileSync(image.initrd).equals(before)).toBe(false);
    expect(await prepareImage({ cache, guest: GUEST })).toEqual(image);
    expect(readFileSync(image.initrd).equals(before)).toBe(true);
  });

  it('is compiled again after a byte of the init was changed', async () => {
    const init = await prepareInit({ cache, guest: GUEST });
    changeByte(init.file);
    expect(await prepareInit({ cache, guest: GUEST })).toEqual(init);
  });
});

function sessionOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}

/** Changes one byte in the middle and leaves size and times as they were. */
function changeByte(file: string): void {
  const { mode, atime, mtime, size } = statSync(file);
  chmodSync(file, 0o600);
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, size >> 1);
  byte[0] = ~(byte[0] ?? 0);
  writeSync(descriptor, byte, 0, 1, size >> 1);
  closeSync(descriptor);
  utimesSync(file, atime, mtime);
  chmodSync(file, mode & 0o777);
}

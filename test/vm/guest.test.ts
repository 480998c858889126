import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecSpec, GuestProcess } from '../../src/guest/exec.ts';
import { AGENT, type GuestMachine, startGuestMachine } from '../support/guest-machine.ts';

const MEMORY = 512 * 1024 * 1024;
const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

let guest: GuestMachine;
beforeAll(async () => {
  guest = await startGuestMachine({ memory: MEMORY });
}, 300_000);
afterAll(() => guest?.end());

const start = (script: string, spec: Partial<ExecSpec> = {}): Promise<GuestProcess> =>
  guest.link.exec({
    argv: ['sh', '-c', script],
    env: [['PATH', '/usr/bin:/bin']],
    cwd: '/',
    user: 'agent',
    ...spec,
  });

/** Reads a stream until it holds the text. */
async function until(
  stream: AsyncIterable<Buffer> & NodeJS.ReadableStream,
  text: string,
): Promise<string> {
  let all = '';
  await new Promise<void>((resolve, reject) => {
    const look = (part: Buffer): void => {
      all += part.toString();
      if (!all.includes(text)) return;
      stream.off('data', look);
      resolve();
    };
    stream.on('data', look);
    stream.once('end', () => reject(new Error(`ended before ${JSON.stringify(text)}: ${all}`)));
  });
  return all;
}

describe('a process in the guest', () => {
  it('was restored and not booted', () => {
    expect(guest.machine.restored).toBe(true);
  });

  it('has its streams, arguments, variables, directory and exit code', async () => {
    const script = 'printf "%s|" "$0" "$@" "$A"; pwd; cat >&2; exit 7';
    const result = await guest.run(['sh', '-c', script, 'zero', 'a b', ''], {
      env: [['A', 'x=y\nz']],
      cwd: '/usr/bin',
      input: 'to stderr',
    });
    expect(result).toEqual({
      exit: { code: 7 },
      stdout: 'zero|a b||x=y\nz|/usr/bin\n',
      stderr: 'to stderr',
    });
  });

  it('is told apart when it dies by a signal, is missing, may not run, or has no directory', async () => {
    expect((await guest.run('kill -9 $$')).exit).toEqual({ signal: 9 });
    expect((await guest.run(['no-such-command'])).exit).toMatchObject({ code: 127, errno: 2 });
    expect((await guest.run(['/no/such/file'])).exit).toMatchObject({ code: 127, errno: 2 });
    expect((await guest.run(['/etc/passwd'])).exit).toMatchObject({ code: 126, errno: 13 });
    expect((await guest.run(['/etc'])).exit).toMatchObject({ code: 126, errno: 13 });
    expect((await guest.run(['true'], { cwd: '/no/such' })).exit).toMatchObject({
      code: 126,
      stage: 'directory',
    });
  });

  it('runs a script without a first line as every shell does', async () => {
    await guest.run('printf "echo ran \\$1" > script; chmod +x script', { cwd: guest.workspace });
    const result = await guest.run(['./script', 'it'], { cwd: guest.workspace });
    expect(result.stdout).toBe('ran it\n');
  });

  it('passes 50 MB from stdin to stdout unharmed', async () => {
    const input = randomBytes(50 * 1024 * 1024);
    const child = await start('cat');
    child.stderr.resume();
    child.stdin.end(input);
    const hash = createHash('sha256');
    for await (const part of child.stdout as AsyncIterable<Buffer>) hash.update(part);
    expect(await child.exited).toEqual({ code: 0 });
    expect(hash.digest('hex')).toBe(sha(input));
  });

  it('takes arguments longer than a frame', async () => {
    const long = 'x'.repeat(120_000);
    const result = await guest.run(['sh', '-c', 'printf %s "$1$2" | wc -c', '-', long, long]);
    expect(result.stdout.trim()).toBe('240000');
  });

  it('that floods a reader who stalls stalls alone, and ends when its output is closed', async () => {
    const flood = await start('exec yes');
    flood.stderr.resume();
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 5; n++) expect((await guest.run('echo swift')).stdout).toBe('swift\n');
    expect(flood.stdout.readableLength).toBeLessThan(1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    flood.stdout.destroy();
    expect(await flood.exited).toEqual({ signal: 13 });
  });

  it('that is not read by its process loses its input, not the session', async () => {
    const result = await guest.run('exec 0<&-; echo done', { input: randomBytes(2 * 1024 * 1024) });
    expect(result).toMatchObject({ exit: { code: 0 }, stdout: 'done\n' });
  });

  it('ends while a background process still holds its output', async () => {
    const result = await guest.run('(sleep 600; echo late) & echo now');
    expect(result).toMatchObject({ exit: { code: 0 }, stdout: 'now\n' });
    await guest.run('pkill sleep || kill $(grep -l ^sleep /proc/[0-9]*/comm | cut -d/ -f3)');
  });

  it('gets signals, its whole group', async () => {
    const child = await start(
      'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done',
    );
    await until(child.stdout, 'ready');
    child.signal(15);
    await until(child.stdout, 'caught');
    expect(await child.exited).toEqual({ code: 9 });
    const tree = await start('sleep 600 & sleep 600; true');
    await tree.started;
    tree.stdout.resume();
    tree.stderr.resume();
    tree.signal(9);
    expect(await tree.exited).toEqual({ signal: 9 });
    expect((await guest.run('grep -l ^sleep /proc/[0-9]*/comm')).stdout).toBe('');
  });

  it('leaves no zombie, whoever its parent was', async () => {
    await guest.run('for i in 1 2 3 4 5; do (sh -c "sleep 0.1 & exit" &); done');
    await guest.run('sleep 0.3');
    const zombies = await guest.run('cat /proc/[0-9]*/stat | grep -c ") Z "', { user: 'root' });
    expect(zombies.stdout.trim()).toBe('0');
  });
});

describe('a terminal in the guest', () => {
  it('has a size that can change, and belongs to the agent', async () => {
    const child = await start(
      'stty size; tty; test -O $(tty) && echo own; trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done',
      {
        tty: { rows: 33, columns: 99 },
      },
    );
    const before = await until(child.stdout, 'ready');
    expect(before).toMatch(/^33 99\r\n\/dev\/pts\/\d+\r\nown\r\n/);
    child.resize(50, 132);
    expect(await until(child.stdout, '132')).toContain('50 132');
    expect(await child.exited).toEqual({ code: 0 });
  });

  it('turns keys into signals and the end of input', async () => {
    const child = await start('trap "echo got int" INT; (echo ready; exec cat); cat; echo over', {
      tty: { rows: 24, columns: 80 },
    });
    await until(child.stdout, 'ready');
    child.stdin.write('\x03');
    await until(child.stdout, 'got int');
    child.stdin.end('typed\n');
    await until(child.stdout, 'over');
    expect(await child.exited).toEqual({ code: 0 });
  });
});

describe('limits of the guest', () => {
  it('hold the number of processes, for root too', async () => {
    for (const user of ['agent', 'root'] as const) {
      const result = await guest.run('i=0; while [ $i -lt 400 ]; do sleep 600 & i=$((i+1)); done', {
        user,
      });
      expect(result.stderr).toMatch(/fork/i);
      expect(result.exit).not.toEqual({ code: 0 });
      await guest.run(['sh', '-c', 'kill -9 -1'], { user });
    }
    expect((await guest.run('echo alive')).stdout).toBe('alive\n');
  });

  it('kill the agent that takes all memory, and not init', async () => {
    const result = await guest.run(guest.probe('memory', 2 * MEMORY));
    expect(result.exit).not.toEqual({ code: 0 });
    expect((await guest.run('echo alive')).stdout).toBe('alive\n');
    expect(guest.faults).toEqual([]);
  });
});

describe('the agent', () => {
  it('has no capability, no groups, no way to gain any, and a filter', async () => {
    const { stdout } = await guest.run('id; cat /proc/self/status; umask');
    expect(stdout).toContain(
      `uid=${AGENT.uid}(agent) gid=${AGENT.gid}(agent) groups=${AGENT.gid}(agent)`,
    );
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(stdout).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
    expect(stdout).toMatch(/^NoNewPrivs:\t1$/m);
    expect(stdout).toMatch(/^Seccomp:\t2$/m);
    expect(stdout).toMatch(/^0022$/m);
  });

  it('has three open descriptors and its own processes to look at, init not among them', async () => {
    const result = await guest.run(
      'ls /proc/self/fd | tr "\\n" " "; ls -d /proc/1; kill -9 1; echo $?',
    );
    expect(result.stdout).toMatch(/^0 1 2 3 \n?1\n$/m); // 3 is the directory ls reads
    expect(result.stderr).toContain('/proc/1');
  });

  it('finds only harmless devices and cannot make others', async () => {
    const result = await guest.run(
      'ls /dev; mknod /tmp/null c 1 3; mknod /dev/x c 10 229; ls /dev/pts',
    );
    expect(result.stdout.split('\n').sort().filter(Boolean)).toEqual(
      [
        'fd',
        'full',
        'null',
        'ptmx',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'stdin',
        'stdout',
        'tty',
        'urandom',
        'zero',
      ].sort(),
    );
    expect(result.stderr.match(/not permitted|denied/g)?.length).toBe(2);
  });

  it('gains nothing from a setuid program, also one of its own', async () => {
    await guest.run('cp /usr/bin/id /tmp/id && chown 0:0 /tmp/id && chmod 6755 /tmp/id', {
      user: 'root',
    });
    const result = await guest.run('ls -l /tmp/id; /tmp/id -u');
    expect(result.stdout).toMatch(/^-rwsr-sr-x/);
    expect(result.stdout).toContain(`${AGENT.uid}\n`);
    const mounts = (await guest.run('cat /proc/self/mounts')).stdout.trim().split('\n');
    for (const mount of mounts) expect(mount).toMatch(/[ ,]nosuid[ ,]/);
    const open = mounts.filter((mount) => !/[ ,]nodev[ ,]/.test(mount));
    expect(open.map((mount) => mount.split(' ')[1])).toEqual(['/dev', '/dev/pts']);
  });

  it('is refused calls into parts of the kernel no program needs', async () => {
    const calls = {
      bpf: [321, 'EPERM'],
      perf_event_open: [298, 'EPERM'],
      io_uring_setup: [425, 'ENOSYS'],
      userfaultfd: [323, 'ENOSYS'],
      keyctl: [250, 'ENOSYS'],
      init_module: [175, 'EPERM'],
      kexec_load: [246, 'EPERM'],
      open_by_handle_at: [304, 'EPERM'],
    } as const;
    const words = Object.values(calls).flatMap(([number]) => ['--', 'call', number, 0, 0, 0, 0, 0]);
    const expected = Object.values(calls).map(([number, errno]) => `${number}: ${errno}\n`);
    expect((await guest.run(guest.probe(...words.slice(1)))).stdout).toBe(expected.join(''));
  });

  it('is refused a user namespace, init as a target, and typing for others', async () => {
    expect((await guest.run(guest.probe('call', 272, 0x10000000))).stdout).toBe('272: ENOSPC\n');
    expect((await guest.run(guest.probe('call', 101, 16, 1, 0, 0))).stdout).toBe('101: EPERM\n');
    const terminal = { tty: { rows: 9, columns: 9 } };
    expect((await guest.run(guest.probe('call', 16, 0, 0x5412, 'x'), terminal)).stdout).toContain(
      '16: EPERM',
    );
  });

  it('has the files below /etc that the host gives it, as they are', async () => {
    const { stdout } = await guest.run('od -An -tu1 /etc/made/deep/file; ls -ld /etc/made/deep');
    expect(stdout).toMatch(/^ +0 +1 +255\ndrwxr-xr-x/);
  });

  it('has a home, temporary directories and files in /etc that name this session', async () => {
    const result = await guest.run(
      'cd && pwd && echo x > ~/f && stat -c "%a %u" ~ && for d in /tmp /var/tmp /dev/shm; do echo x > $d/f || exit 1; done; hostname; cat /etc/resolv.conf; getent hosts guest; getent passwd agent; touch /run/x /etc/x /usr/x',
    );
    expect(result.stdout).toContain(
      `${AGENT.home}\n700 ${AGENT.uid}\nguest\nnameserver 127.0.0.53\n`,
    );
    expect(result.stdout).toMatch(/^127\.0\.0\.1\s+localhost guest$/m);
    expect(result.stdout).toContain(`agent:x:${AGENT.uid}:${AGENT.gid}::${AGENT.home}:/bin/sh`);
    expect(result.stderr.match(/denied/g)?.length).toBe(3);
  });
});

describe('files of the host', () => {
  it('are written through the share and are there after a sync', async () => {
    const { workspace } = guest;
    const result = await guest.run(
      'head -c 3000000 /dev/urandom > big; sha256sum < big; stat -c %u big',
      { cwd: workspace },
    );
    await guest.link.sync();
    const bytes = readFileSync(join(workspace, 'big'));
    expect(result.stdout).toBe(`${sha(bytes)}  -\n${AGENT.uid}\n`);
  });

  it('that are not shared change in the guest alone, and only for root', async () => {
    const result = await guest.run(
      'echo mine > /etc/hostname.guest && cat /etc/hostname.guest; rm /usr/bin/tac && ls /usr/bin/tac',
      { user: 'root' },
    );
    expect(result.stdout).toBe('mine\n');
    expect(() => readFileSync('/etc/hostname.guest')).toThrow();
    expect(readFileSync('/usr/bin/tac').length).toBeGreaterThan(0);
  });
});

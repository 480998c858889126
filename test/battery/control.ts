// The same machine without a sandbox, for control runs: a throwaway copy-on-write root, processes and network of its own,
// and one cable to the rig. Nothing it writes or breaks outlives it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Executor } from './executor.ts';
import { RESOLVER4 } from './layout.ts';
import { inNamespace, run } from './namespace.ts';
import type { Rig } from './rig.ts';

const LIMIT_S = 90;
// The far end waits for its cable, which can only be plugged in once it lives.
const ENTRY = `read -r _
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys" 2>/dev/null
ip link set lo up
ip link set far name eth0
ip addr add 192.0.2.2/30 dev eth0
ip -6 addr add 2001:db8:77::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 192.0.2.1
ip -6 route add default via 2001:db8:77::1
ulimit -u 2000
exec timeout -k 2 ${LIMIT_S} chroot "$ROOT" "$@"
`;

export function startControl(rig: Rig, workspace: string): Executor {
  const base = mkdtempSync(join(rig.root, 'control-'));
  run('mount', '-t', 'tmpfs', 'tmpfs', base);
  const root = join(base, 'root');
  for (const name of ['upper', 'work', 'root']) mkdirSync(join(base, name));
  run(
    'mount',
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=/,upperdir=${join(base, 'upper')},workdir=${join(base, 'work')}`,
    root,
  );
  const devices = join(root, 'dev');
  run('mount', '-t', 'tmpfs', 'tmpfs', devices);
  for (const [name, minor] of [
    ['null', '3'],
    ['zero', '5'],
    ['full', '7'],
    ['random', '8'],
    ['urandom', '9'],
  ] as const) {
    run('mknod', '-m', '666', join(devices, name), 'c', '1', minor);
  }
  run('mknod', '-m', '666', join(devices, 'tty'), 'c', '5', '0');
  writeFileSync(
    join(root, 'etc/resolv.conf'),
    `nameserver ${RESOLVER4}\noptions timeout:2 attempts:1\n`,
  );
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');

  return {
    workspace: join(root, workspace),
    hostRoot: root,
    run: async (argv) => {
      const child = spawn('unshare', inNamespace(['sh', '-c', ENTRY, 'sh', ...argv]), {
        env: { ...rig.environment, ROOT: root },
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: (LIMIT_S + 10) * 1000,
        killSignal: 'SIGKILL',
      });
      let out = '';
      let err = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
      child.stdin.on('error', () => undefined);
      await plugIn(child.pid ?? 0);
      child.stdin.end('go\n');
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, out, err };
    },
    takeRecords: () => [],
    isAlive: () => true,
    close: () => {
      for (const place of [devices, root, base]) run('umount', '-l', place);
      rmSync(base, { recursive: true });
      return Promise.resolve();
    },
  };
}

// `unshare` itself has entered the new network before it forks, so its own pid names it.
async function plugIn(pid: number): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    await sleep(20);
    if (attempt < 100 && networkOf('self') === networkOf(String(pid))) continue;
    try {
      run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(pid));
      break;
    } catch (error) {
      if (attempt > 150) throw error;
    }
  }
  run('ip', 'addr', 'add', '192.0.2.1/30', 'dev', 'near');
  run('ip', '-6', 'addr', 'add', '2001:db8:77::1/64', 'dev', 'near', 'nodad');
  run('ip', 'link', 'set', 'near', 'up');
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // it has ended already
  }
}

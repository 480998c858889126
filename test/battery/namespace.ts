// The closed place the battery runs in: its own network without any way out, its own mounts and processes. When the first
// process ends, everything started in it ends.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Ground } from './ground.ts';
import { ADDRESSES, CANARIES, RESOLVER4, type Layout } from './layout.ts';

const SEPARATE = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Arguments of `unshare` that put a program into a namespace of its own. */
export function inNamespace(argv: readonly string[]): string[] {
  return [...SEPARATE, ...argv];
}

/** Why no namespace can be made here; undefined when one can. */
export function whyNoNamespace(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a feature of Linux';
  if (process.getuid?.() !== 0) return 'namespaces with addresses of their own need root';
  const tried = spawnSync(
    'unshare',
    inNamespace(['ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']),
    { encoding: 'utf8' },
  );
  return tried.status === 0
    ? undefined
    : `unshare and veth: ${tried.stderr.trim() || String(tried.error)}`;
}

/** From within: gives the namespace its addresses and its resolver. */
export function furnishNamespace(layout: Layout): void {
  run('ip', 'link', 'set', 'lo', 'up');
  for (const address of ADDRESSES)
    run('ip', 'addr', 'add', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo');
  // Documented ranges are reachable on loopback only: a route out would be the rig's own fault.
  if (output('ip', 'route', 'show', 'default') !== '')
    throw new Error('the namespace has a way out');
  const files = {
    'resolv.conf': `nameserver ${RESOLVER4}\noptions timeout:2 attempts:1\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  };
  const etc = join(layout.root, 'etc');
  mkdirSync(etc, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const file = join(etc, name);
    writeFileSync(file, text);
    run('mount', '--bind', file, realpathSync(`/etc/${name}`));
  }
}

/** Watches every interface for packets to the canaries. */
export async function watchPackets(layout: Layout, ground: Ground): Promise<ChildProcess> {
  const watcher = spawn('python3', [join(layout.kit, 'packets.py'), ...CANARIES], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let rest = '';
  watcher.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (line.startsWith('packet ')) ground.note({ kind: 'packet', detail: line });
  });
  await once(watcher.stdout, 'data');
  return watcher;
}

export function run(program: string, ...argv: string[]): void {
  execFileSync(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export function output(program: string, ...argv: string[]): string {
  return execFileSync(program, argv, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

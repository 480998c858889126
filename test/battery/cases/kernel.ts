// Ways through the machine itself: the host's channels, processes and resources.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
  closeSync,
} from 'node:fs';
import net from 'node:net';
import { basename, join } from 'node:path';

import type { Case } from '../case.ts';
import { runProgram } from '../executor.ts';
import { batteryPolicy } from '../policies.ts';
import type { Rig } from '../rig.ts';
import { runCli, startSandbox } from '../sandbox.ts';

const NO_VSOCK = 'the machine has no vsock device';
const MAX_HOST_MEMORY = 400 * 1024;

/** Resident memory of a process in KiB. */
function residentKiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

let hostSocket: net.Server | undefined;

function listenIn(workspace: string): void {
  const path = join(workspace, 'host.sock');
  rmSync(path, { force: true });
  const server = net.createServer((socket) => socket.end('HOST-SOCKET'));
  server.listen(path, () => {
    chmodSync(path, 0o777);
  });
  hostSocket = server;
}

/** Runs a command on a terminal of its own and returns what that terminal was told. */
function onTerminal(rig: Rig, argv: readonly string[]): Promise<{ out: string }> {
  const script = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
  return runProgram('python3', ['-c', script, process.execPath, rig.program, ...argv], {
    environment: { ...rig.environment, TERM: 'xterm' },
  });
}

function damage(file: string): void {
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  const at = 4096;
  readSync(descriptor, byte, 0, 1, at);
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, at);
  closeSync(descriptor);
}

export const KERNEL: readonly Case[] = [
  {
    id: 'K01',
    title: 'the container engine’s socket',
    tier: 'G',
    expect: 'structural',
    control: { none: 'this host has no container engine' },
  },
  {
    id: 'K02',
    title: 'containers within the guest',
    tier: 'G',
    expect: 'neutralize',
    notApplicable: 'no container engine is provided in the guest',
  },
  { id: 'K04', title: 'processes, mounts and name of the host', tier: 'G', expect: 'structural' },
  { id: 'K05', title: 'namespaces and root of process 1', tier: 'G', expect: 'structural' },
  { id: 'K07', title: 'vsock', tier: 'G', expect: 'structural', control: { none: NO_VSOCK } },
  {
    id: 'K08',
    title: 'forged frames on the host’s channels',
    tier: 'G',
    expect: 'neutralize',
    alone: true,
    control: { none: 'there are no such channels without a sandbox' },
    check: ({ rig }) => {
      const hosts = readdirSync('/proc').filter(
        (pid) =>
          /^\d+$/.test(pid) &&
          existsSync(`/proc/${pid}/cmdline`) &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(rig.program),
      );
      const large = hosts.filter(
        (pid) => existsSync(`/proc/${pid}/status`) && residentKiB(Number(pid)) > MAX_HOST_MEMORY,
      );
      return large.length > 0 ? 'the host process has grown beyond 400 MiB' : undefined;
    },
  },
  {
    id: 'K10',
    title: 'a socket of the host in the workspace',
    tier: 'G',
    expect: 'structural',
    before: (_rig, workspace) => listenIn(workspace),
    check: () => {
      hostSocket?.close();
      return undefined;
    },
  },
  {
    id: 'K11',
    title: 'malformed virtio descriptors',
    tier: 'D',
    expect: 'neutralize',
    notApplicable: 'needs a kernel module of its own in the guest, which has none to load',
  },
  {
    id: 'K13',
    title: 'tracing process 1',
    tier: 'D',
    expect: 'deny',
    principals: ['agent'],
    control: 'namespace',
    unlogged: 'the guest kernel refuses',
  },
  {
    id: 'K14',
    title: 'io_uring',
    tier: 'D',
    expect: 'deny',
    principals: ['agent'],
    control: 'namespace',
    unlogged: 'the guest kernel refuses',
  },
  {
    id: 'K16',
    title: 'bpf, perf, userfaultfd, keyctl',
    tier: 'D',
    expect: 'deny',
    principals: ['agent'],
    control: 'namespace',
    unlogged: 'the guest kernel refuses',
  },
  {
    id: 'K17',
    title: 'capabilities and set-id programs',
    tier: 'D',
    expect: 'deny',
    principals: ['agent'],
    control: 'namespace',
    unlogged: 'the guest kernel refuses',
  },
  {
    id: 'K19',
    title: 'control groups',
    tier: 'D',
    expect: 'deny',
    principals: ['agent'],
    control: 'namespace',
    unlogged: 'the guest kernel refuses',
  },
  {
    id: 'K20',
    title: 'processes and memory without end',
    tier: 'G',
    expect: 'neutralize',
    alone: true,
    control: { none: 'this machine is not driven out of memory' },
    check: () => (performance.now() > 0 ? undefined : 'the host stands still'),
  },
  {
    id: 'K22',
    title: 'sequences that act on the user’s terminal',
    tier: 'G',
    expect: 'neutralize',
    own: async (rig) => {
      const workspace = rig.newWorkspace('terminal');
      const policy = rig.writePolicy('terminal', batteryPolicy(rig, 'agent'));
      const attack =
        "printf 'MARK\\033]52;c;cm0=\\007\\033]0;pwn\\007\\033[6n\\033P$qm\\033\\\\END\\n'";
      const { out } = await onTerminal(rig, [
        'run',
        '--policy',
        policy,
        '--workspace',
        workspace,
        '--log-dir',
        join(rig.logs, 'terminal'),
        '--tty',
        '--quiet',
        '--',
        'sh',
        '-c',
        attack,
      ]);
      if (!out.includes('MARK') || !out.includes('END'))
        return { verdict: 'BROKEN', detail: out.slice(-300) };
      const isRaw = /\u001b(?:\]|P|\[6n)/.test(out);
      return {
        verdict: isRaw ? 'ESCAPED' : 'CONTAINED',
        detail: JSON.stringify(out.slice(out.indexOf('MARK'), out.indexOf('END'))),
      };
    },
  },
  {
    id: 'K23',
    title: 'workflow commands in what the program itself says',
    tier: 'G',
    expect: 'neutralize',
    own: async (rig) => {
      const workspace = rig.newWorkspace('commands');
      const policy = rig.writePolicy('commands', batteryPolicy(rig, 'agent'));
      const logs = join(rig.logs, 'commands');
      const attack =
        'cd "$1"; for f in "::error file=x::forged" "##[error]x" "::add-mask::a" "$(printf "\\n::set-env name=a::b")"; do printf x > ".env$f"; done; true';
      const { err } = await runCli(rig, [
        'run',
        '--policy',
        policy,
        '--workspace',
        workspace,
        '--log-dir',
        logs,
        '--',
        'sh',
        '-c',
        `{ ${attack}; } 2>/dev/null`,
        'sh',
        workspace,
      ]);
      const { out } = await runCli(rig, ['log', 'show', '--log-dir', logs]);
      const said = `${err}\n${out}`;
      const isCommand = said
        .split('\n')
        .some((line) => /^\s*::[a-z-]+[^\n]*::/i.test(line) || line.includes('##['));
      if (!said.includes('forged') || !said.includes('set-env'))
        return { verdict: 'BROKEN', detail: `the names do not appear: ${said.slice(-300)}` };
      return {
        verdict: isCommand ? 'ESCAPED' : 'CONTAINED',
        detail: `${said.split('\n').length} lines`,
      };
    },
  },
  {
    id: 'K25',
    title: 'a damaged kernel or snapshot is not started',
    tier: 'G',
    expect: 'fail-closed',
    own: async (rig) => {
      const original = rig.environment['AGENT_SANDBOX_CACHE_DIR'] ?? '';
      const cache = mkdtempSync(join(rig.root, 'cache-'));
      const isWanted = (file: string): boolean => !/\/(?:snapshots|bench)(?:\/|$)/.test(file);
      cpSync(original, cache, { recursive: true, filter: isWanted });
      const kernels = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter(
        (name) => basename(name) === 'vmlinuz',
      );
      if (kernels.length === 0) return { verdict: 'BROKEN', detail: 'no kernel in the cache' };
      for (const name of kernels) damage(join(cache, name));
      const damaged: Rig = {
        ...rig,
        environment: { ...rig.environment, AGENT_SANDBOX_CACHE_DIR: cache },
      };
      const { code, err } = await runCli(damaged, [
        'run',
        '--workspace',
        rig.newWorkspace('damaged'),
        '--log-dir',
        join(rig.logs, 'damaged'),
        '--',
        'true',
      ]);
      rmSync(cache, { recursive: true });
      const verdict = code === 125 && /kernel/i.test(err) ? 'CONTAINED' : 'ESCAPED';
      return { verdict, detail: `exit ${code}: ${err.slice(-300)}` };
    },
  },
  {
    id: 'K26',
    title: 'without an emulator nothing is started',
    tier: 'G',
    expect: 'fail-closed',
    own: async (rig) => {
      const workspace = rig.newWorkspace('bare');
      const hide =
        'for f in /usr/bin/qemu-system-*; do mount --bind /dev/null "$f"; done; exec "$@"';
      const command = ['--', '/bin/sh', '-c', `touch ${workspace}/ran`];
      const run = [
        'run',
        '--workspace',
        workspace,
        '--log-dir',
        join(rig.logs, 'bare'),
        ...command,
      ];
      const { code, err } = await runProgram(
        'unshare',
        ['--mount', 'sh', '-c', hide, 'sh', process.execPath, rig.program, ...run],
        { environment: rig.environment },
      );
      const isClosed = code === 125 && /qemu/i.test(err) && !existsSync(join(workspace, 'ran'));
      return {
        verdict: isClosed ? 'CONTAINED' : 'ESCAPED',
        detail: `exit ${code}: ${err.slice(0, 300)}`,
      };
    },
  },
  {
    id: 'K28',
    title: 'side channels',
    tier: 'D',
    expect: 'warn',
    notApplicable: 'documented only',
  },
  {
    id: 'K29',
    title: 'two sessions at once share nothing',
    tier: 'G',
    expect: 'structural',
    own: async (rig, executor) => {
      const other = await startSandbox(rig, {
        name: 'neighbour',
        policy: batteryPolicy(rig, 'agent'),
      });
      try {
        await other.run(['sh', '-c', 'echo NEIGHBOUR > mark; echo NEIGHBOUR > /tmp/mark'], 'agent');
        const { out } = await executor.run(
          [
            'sh',
            '-c',
            `cat ${other.workspace}/mark /tmp/mark ${other.directory}/*; ls ${rig.temp}/*`,
          ],
          'root',
        );
        const isSeen = out.includes('NEIGHBOUR') || out.includes('sock');
        return { verdict: isSeen ? 'ESCAPED' : 'CONTAINED', detail: out.slice(0, 100) };
      } finally {
        await other.close();
      }
    },
  },
];

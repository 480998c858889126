// A real machine with our init in it, its files served by the real filesystem server under a policy that allows all, its
// network answered by the test.

import { randomBytes } from 'node:crypto';
import {
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as serveFiles } from '../../src/enforce/filesystem/connection.ts';
import { createFilesystem } from '../../src/enforce/filesystem/filesystem.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { cacheDirectory } from '../../src/cli/directories.ts';
import type { Machine } from '../../src/engine/engine.ts';
import { startMachine } from '../../src/engine/machine.ts';
import type { ExecSpec, ProcessExit } from '../../src/guest/exec.ts';
import {
  type GuestConfig,
  type GuestHooks,
  type GuestLink,
  connectGuest,
} from '../../src/guest/link.ts';
import type { Decision, RuleReference } from '../../src/model/decision.ts';
import type { EffectivePolicy } from '../../src/model/policy.ts';
import { NO_SERVERS, noSections } from '../../src/policy/sections.ts';

const isRoot = process.getuid?.() === 0;
const uid = isRoot ? 4321 : (process.getuid?.() ?? 4321);
const gid = isRoot ? 4321 : (process.getgid?.() ?? 4321);

/** the user the agent runs as; the workspace is his on the host, too */
export const AGENT = { name: 'agent', uid, gid, home: '/home/agent' };

export interface Result {
  exit: ProcessExit;
  stdout: string;
  stderr: string;
}

export interface GuestMachine {
  machine: Machine;
  link: GuestLink;
  /** a directory of the host, writable in the guest at the same path */
  workspace: string;
  faults: string[];
  console: () => string;
  /** runs a command to its end; a string is a script for sh */
  run: (
    command: string | string[],
    spec?: Partial<ExecSpec> & { input?: string | Buffer },
  ) => Promise<Result>;
  /** the words that run a probe of guest-probe.pl */
  probe: (...words: (string | number)[]) => string[];
  end: () => Promise<void>;
}

export interface GuestMachineOptions {
  hooks?: Partial<GuestHooks>;
  config?: Partial<GuestConfig>;
  memory?: number;
}

export async function startGuestMachine(options: GuestMachineOptions = {}): Promise<GuestMachine> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'guest-machine-')));
  const workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  if (isRoot) chownSync(workspace, uid, gid);
  const probe = join(workspace, 'probe.pl');
  copyFileSync(new URL('./guest-probe.pl', import.meta.url), probe);
  const faults: string[] = [];
  const mux = await listen(join(directory, 'mux.sock'));
  const fs = await listen(join(directory, 'fs.sock'));
  const filesystem = createFilesystem({
    policy: openPolicy(workspace),
    decide: () => ALLOW,
    point: createPoint({
      decide: () => ALLOW,
      mode: 'enforce',
      log: { append: () => ({ seq: 1, id: '' }) },
    }),
    privateDirectory: join(directory, 'private'),
    uidMap: { hostUid: uid, hostGid: gid, guestUid: uid, guestGid: gid },
    process: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, umask: 0o022 },
  });
  void fs.connection.then((socket) => {
    socket.on('error', () => undefined);
    const onFault = (reason: string): void => void faults.push(`files: ${reason}`);
    serveFiles(socket, filesystem, onFault, () => machine.window?.descriptor);
  });
  const consoleFile = join(directory, 'console.log');
  const machine = await startMachine({
    cpus: 2,
    memory: options.memory ?? 1024 * 1024 * 1024,
    accelerator: 'tcg',
    sockets: { directory, mux: join(directory, 'mux.sock'), fs: join(directory, 'fs.sock') },
    cache: cacheDirectory(process.env),
    console: consoleFile,
  });
  const link = connectGuest(await mux.connection, {
    onConnect: (_to, stream) => stream.destroy(),
    onDatagrams: (_to, stream) => stream.destroy(),
    onDns: () => Promise.resolve(Buffer.alloc(0)),
    onSession: (stream) => stream.destroy(),
    onFault: (reason) => void faults.push(reason),
    ...options.hooks,
  });
  const end = async (): Promise<void> => {
    await machine.kill();
    link.close();
    (await fs.connection).destroy();
    machine.window?.close();
    mux.server.close();
    fs.server.close();
    filesystem.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await link.start({
      entropy: randomBytes(64),
      time: BigInt(Date.now()) * 1_000_000n,
      hostname: 'guest',
      user: AGENT,
      rootAllowed: true,
      processes: 150,
      shares: [workspace],
      files: [
        { path: '/etc/passwd', content: `agent:x:${uid}:${gid}::/home/agent:/bin/sh\n` },
        { path: '/etc/group', content: `agent:x:${gid}:\n` },
        { path: '/etc/made/deep/file', content: Buffer.from([0, 1, 255]) },
      ],
      ...options.config,
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    machine,
    link,
    workspace,
    faults,
    console: () => readFileSync(consoleFile, 'utf8'),
    run: (command, spec = {}) => run(link, command, spec),
    probe: (...words) => ['perl', probe, ...words.map(String)],
    end,
  };
}

async function run(
  link: GuestLink,
  command: string | string[],
  spec: Partial<ExecSpec> & { input?: string | Buffer },
): Promise<Result> {
  const { input, ...rest } = spec;
  const child = await link.exec({
    argv: typeof command === 'string' ? ['sh', '-c', command] : command,
    env: [
      ['PATH', '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'],
      ['HOME', AGENT.home],
    ],
    cwd: '/',
    user: 'agent',
    ...rest,
  });
  child.stdin.end(input ?? '');
  const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  return { exit: await child.exited, stdout, stderr };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

const RULE: RuleReference = { id: 'test/all', file: 'test', line: 0, layer: 'run' };

const ALLOW: Decision = {
  effect: 'allow',
  rule: RULE,
  reason: 'tests of the guest allow all',
  matched: [RULE],
  isPrivate: false,
  isInspected: false,
};

function openPolicy(workspace: string): EffectivePolicy {
  const none = noSections();
  const rule = { place: 'filesystem.allow[0]', file: 'test', line: 0, column: 0 };
  const all = {
    ...none,
    filesystem: { allow: [{ ...rule, path: '/**', access: 'write' as const }], deny: [] },
  };
  return {
    version: 1,
    digest: '',
    mode: 'enforce',
    workspace,
    home: AGENT.home,
    layers: [{ ...all, name: 'run', file: 'test', digest: '' }],
    limits: { cpus: 2, memory: 0, processes: 0 },
    require: {},
    clamps: [],
    credentials: [],
    mcp: NO_SERVERS,
    workflow: { outputs: true, env: [], path: false },
    user: 'root',
  };
}

async function listen(path: string): Promise<{ server: Server; connection: Promise<Socket> }> {
  let taken: (socket: Socket) => void;
  const connection = new Promise<Socket>((resolve) => {
    taken = resolve;
  });
  const server = createServer((socket) => taken(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { server, connection };
}

// A filesystem server with this machine's own kernel as its client: a workspace served over /dev/fuse, in which real programs
// run. Needs root and /dev/fuse; `unavailable` says what is missing.

import { build } from 'esbuild';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createFilesystemThread,
  startFilesystem,
  type FilesystemServer,
} from '../../src/enforce/filesystem/server.ts';
import { openLog } from '../../src/log/writer.ts';
import type { DecisionEvent } from '../../src/model/event.ts';
import type { EffectivePolicy } from '../../src/model/policy.ts';
import { loadEffectivePolicy, type LoadOptions } from '../../src/source/load.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** the host user whose files the workspace holds, and the agent */
export const HOST_UID = 4711;
export const GUEST_UID = 1000;

/** Why the tests cannot run here, or undefined. */
export function unavailable(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root to mount';
  if (!existsSync('/dev/fuse')) return 'needs /dev/fuse';
  return undefined;
}

export interface ShareOptions {
  /** repo policy, `BASE` standing for the directory around the workspace; without it the builtin layer's grants hold */
  policy?: string;
  load?: Partial<LoadOptions>;
  /** changes to the policy after it was resolved: limits */
  change?: (policy: EffectivePolicy) => EffectivePolicy;
  /** runs on the host before the server starts */
  prepare?: (workspace: string, base: string) => void;
  /** who runs commands; the agent when absent */
  asRoot?: boolean;
  hostUid?: number;
  /** whether the server may tell the kernel to forget; true when absent */
  notifications?: boolean;
  /** shared instead of the workspace alone, as the guest would bind them */
  shares?: (workspace: string, base: string) => string[];
}

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface FileShare {
  /** the workspace: on the host for this process, through the server for what runs in the share */
  workspace: string;
  home: string;
  base: string;
  /** where the whole tree is mounted, for what runs in the share */
  mount: string;
  sessionDirectory: string;
  server: FilesystemServer;
  /** Runs a shell script in the workspace, through the server. */
  run(script: string): Promise<Output>;
  /** Runs it and fails unless it succeeds; returns what it wrote. */
  ok(script: string): Promise<string>;
  /** Decisions on record so far. */
  decisions(): DecisionEvent[];
  /** Denied requests on record so far, as text. */
  denials(): string[];
  faults: string[];
  close(): Promise<void>;
}

export async function openShare(options: ShareOptions = {}): Promise<FileShare> {
  const base = mkdtempSync(join(tmpdir(), 'share-'));
  chmodSync(base, 0o755);
  const [workspace, home, mount, sessionDirectory, scripts] = [
    'workspace',
    'home',
    'mount',
    'session',
    'scripts',
  ].map((name) => join(base, name)) as [string, string, string, string, string];
  const hostUid = options.hostUid ?? HOST_UID;
  for (const directory of [workspace, home, mount, sessionDirectory, scripts]) mkdirSync(directory);
  chmodSync(sessionDirectory, 0o700);
  options.prepare?.(workspace, base);
  execFileSync('chown', ['-R', `${hostUid}:${hostUid}`, workspace, home]);
  for (const directory of [scripts]) chownSync(directory, GUEST_UID, GUEST_UID);
  const policy = loadPolicy(options, { workspace, home, base });
  const log = openLog({
    file: join(sessionDirectory, 'decisions.jsonl'),
    context: {
      session: 'test',
      actor: { login: 'tester', assurance: 'os-user' },
      policyDigest: policy.digest,
      isolation: 'emulated',
    },
  });
  const socket = join(base, 'fs.sock');
  const faults: string[] = [];
  const server = await startFilesystem({
    socket,
    policy,
    log: log.share(),
    sessionDirectory,
    uidMap: { hostUid, hostGid: hostUid, guestUid: GUEST_UID, guestGid: GUEST_UID },
    notifications: options.notifications ?? true,
    thread: createFilesystemThread(await workerFile(base)),
    onFault: (reason) => void faults.push(reason),
    onLost: (reason) => void faults.push(reason),
  });
  server.begin();
  const uid = options.asRoot === true ? '0' : String(GUEST_UID);
  const shares = options.shares?.(workspace, base) ?? [workspace];
  const client = spawn(
    clientProgram(),
    [socket, mount, uid, uid, ...shares.flatMap((share) => ['-b', share]), '--', 'bash'],
    { cwd: workspace, stdio: ['pipe', 'pipe', 'pipe'], env: environment(scripts, mount) },
  );
  const decisions = (): DecisionEvent[] => readDecisions(log.file);
  const run = commandRunner(client, scripts);
  return {
    workspace,
    home,
    base,
    mount,
    sessionDirectory,
    server,
    faults,
    run,
    ok: async (script) => {
      const { code, stdout, stderr } = await run(script);
      if (code !== 0) throw new Error(`"${script}" ended with ${code}: ${stdout}${stderr}`);
      return stdout;
    },
    decisions,
    denials: () =>
      decisions()
        .filter((event) => event.effect === 'deny')
        .map((event) => event.request),
    close: async () => {
      const ended = new Promise((resolve) => client.once('exit', resolve));
      const isAlive = client.exitCode === null && client.signalCode === null;
      client.stdin?.end();
      if (isAlive) await ended;
      await server.close();
      if (log.isOpen) log.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function loadPolicy(
  options: ShareOptions,
  { workspace, home, base }: { workspace: string; home: string; base: string },
): EffectivePolicy {
  const file = join(base, 'policy.yml');
  if (options.policy !== undefined) writeFileSync(file, options.policy.replaceAll('BASE', base));
  const { policy, diagnostics } = loadEffectivePolicy({
    workspace,
    home,
    environment: { PATH: process.env['PATH'] },
    packageRoot: ROOT,
    directory: base,
    ...(options.policy === undefined ? {} : { policy: file }),
    ...options.load,
  });
  if (!policy) throw new Error(`the test's policy is at fault: ${JSON.stringify(diagnostics)}`);
  return options.change?.(policy) ?? policy;
}

function environment(scripts: string, mount: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: scripts,
    MOUNT: mount,
    LANG: 'C.UTF-8',
    GIT_CONFIG_COUNT: '3',
    GIT_CONFIG_KEY_0: 'user.name',
    GIT_CONFIG_VALUE_0: 'tester',
    GIT_CONFIG_KEY_1: 'user.email',
    GIT_CONFIG_VALUE_1: 'tester@example.com',
    GIT_CONFIG_KEY_2: 'init.defaultBranch',
    GIT_CONFIG_VALUE_2: 'main',
  };
}

/** One shell lives as long as the share; each script runs in a shell of its own below it. */
function commandRunner(client: ChildProcess, scripts: string): (script: string) => Promise<Output> {
  let next = 0;
  let errors = '';
  let seen = '';
  const waiting = new Map<number, (code: number) => void>();
  client.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  client.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    for (let match; (match = /^done (\d+) (\d+)\n/m.exec(seen));) {
      seen = seen.slice(match.index + match[0].length);
      waiting.get(Number(match[1]))?.(Number(match[2]));
      waiting.delete(Number(match[1]));
    }
  });
  client.on('exit', () => {
    for (const finish of waiting.values()) finish(255);
    waiting.clear();
  });
  return async (script) => {
    const id = next++;
    const file = join(scripts, String(id));
    writeFileSync(file, script);
    const code = await new Promise<number>((resolve) => {
      waiting.set(id, resolve);
      client.stdin?.write(
        `bash ${file} >${file}.out 2>${file}.err </dev/null; echo done ${id} $?\n`,
      );
    });
    const read = (name: string): string => (existsSync(name) ? readFileSync(name, 'utf8') : '');
    return { code, stdout: read(`${file}.out`), stderr: read(`${file}.err`) + errors };
  };
}

function readDecisions(file: string): DecisionEvent[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    if (line === '') return [];
    const event = JSON.parse(line) as DecisionEvent;
    return event.type === 'decision' ? [event] : [];
  });
}

let bundled: Promise<Uint8Array> | undefined;

/** The thread as it is shipped, bundled from these very sources. */
async function workerFile(base: string): Promise<URL> {
  bundled ??= build({
    entryPoints: [join(ROOT, 'src/entry/filesystem-worker.ts')],
    outfile: 'filesystem-worker.mjs',
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
  }).then(({ outputFiles }) => outputFiles[0]?.contents ?? new Uint8Array());
  const file = join(base, 'filesystem-worker.mjs');
  writeFileSync(file, await bundled);
  return pathToFileURL(file);
}

function clientProgram(): string {
  const guest = join(import.meta.dirname, '../../guest');
  const sources = [join(import.meta.dirname, 'fuse-client/fuse-client.c'), join(guest, 'greet.c')];
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const digest = hash.digest('hex').slice(0, 16);
  const program = join(tmpdir(), `agent-sandbox-fuse-client-${digest}`);
  try {
    accessSync(program);
  } catch {
    const temporary = `${program}.${process.pid}`;
    const flags = ['-O2', '-Wall', '-Werror', '-pthread', '-I', guest];
    execFileSync('cc', [...flags, '-o', temporary, ...sources]);
    renameSync(temporary, program);
  }
  return program;
}

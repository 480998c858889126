// Brings a session up: log, filesystem server, machine, guest; in that order, so that nothing in the guest runs before
// all it could ask is there to judge and record it. A failure on the way takes down what was started.

import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { datagramPorts } from '../enforce/egress/datagrams.ts';
import { createEgress, type Egress } from '../enforce/egress/egress.ts';
import { needsInspection } from '../enforce/egress/inspection.ts';
import type { ProxySettings } from '../enforce/egress/upstream-proxy/setting.ts';
import type { Credentials } from '../enforce/credential/credentials.ts';
import { createPoint, type Point } from '../enforce/point.ts';
import { createCounters } from '../enforce/tally.ts';
import { type FilesystemThread, startFilesystem } from '../enforce/filesystem/server.ts';
import {
  METADATA_ADDRESS,
  METADATA_NAMES,
  METADATA_PORT,
} from '../enforce/credential/metadata/serve.ts';
import { startMachine } from '../engine/machine.ts';
import { type GuestFile, connectGuest } from '../guest/link.ts';
import type { Log } from '../log/writer.ts';
import { SandboxError, messageOf } from '../model/error.ts';
import type { EffectivePolicy } from '../model/policy.ts';
import type { SessionState } from '../model/session.ts';
import { createDecider } from '../policy/decide.ts';
import { accountFiles } from './accounts.ts';
import { CONTROL_SOCKET, serveControl } from './control.ts';
import { createRuntimeDirectory, createSessionDirectory, createSessionId } from './directory.ts';
import { GUEST_NAME, guestEnvironment } from './environment.ts';
import { guestUser, type GuestUser } from './guest-user.ts';
import { LiveSession, sessionFiles } from './live-session.ts';
import { createNestedSessions } from './nested.ts';
import type { SessionPlan } from './plan.ts';
import type { EndReason, Session } from './session.ts';
import { isKernelOwn, sharesOf } from './shares.ts';
import { hostProxies } from './host-proxies.ts';
import { clientConfigs, toolVariables } from './client-configs.ts';
import { tellClients } from './tell-clients.ts';
import { assertRequired } from './tool-required.ts';
import { GATEWAY_ADDRESS, GATEWAY_NAME, GATEWAY_PORT } from './tool-address.ts';
import type { OpenToolsOptions, Tools } from './tools.ts';
import { guestTrust, hostAuthorities } from './trust.ts';
import { listenOnce } from './sockets.ts';
import { endFailed, initialState, isolationOf, openSessionLog } from './opening.ts';
import { writeState } from './state.ts';

/** `thread`: for the file server, started ahead. */
export async function startSession(plan: SessionPlan, thread?: FilesystemThread): Promise<Session> {
  requireIsolation(plan);
  requireWorkspace(plan);
  if (plan.parent === undefined) assertRequired(plan.policy);
  const proxies = hostProxies(plan);
  const id = createSessionId(new Date());
  const directory = createSessionDirectory(plan.logDirectory, id);
  const runtimeDirectory = createRuntimeDirectory();
  const state = initialState(plan, id, runtimeDirectory);
  writeState(directory, state);
  writeFileSync(sessionFiles(directory).policy, `${JSON.stringify(plan.policy, null, 2)}\n`, {
    mode: 0o600,
  });
  const log = openSessionLog(plan, id, directory);
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await assemble(plan, {
      id,
      directory,
      runtimeDirectory,
      state,
      log,
      closers,
      thread,
      proxies,
    });
  } catch (error) {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => undefined);
    endFailed(log, error);
    rmSync(runtimeDirectory, { recursive: true, force: true });
    writeState(directory, { ...state, status: 'failed', endedAt: new Date().toISOString() });
    throw error;
  }
}

interface Foundation {
  id: string;
  directory: string;
  runtimeDirectory: string;
  state: SessionState;
  log: Log;
  closers: (() => Promise<void> | void)[];
  thread: FilesystemThread | undefined;
  proxies: ProxySettings;
}

async function assemble(plan: SessionPlan, base: Foundation): Promise<Session> {
  const { policy } = plan;
  const { runtimeDirectory, log, closers } = base;
  // What goes wrong before the session exists is kept until it can be told.
  const live: { session?: LiveSession } = {};
  let early: { reason: EndReason; detail: string } | undefined;
  const endWith = (reason: EndReason, detail: string): void => {
    if (live.session === undefined) early ??= { reason, detail };
    else void live.session.stop(reason, detail);
  };
  // A denial inside is one of the session around it: started in a hundred children, it is not a hundred first ones.
  const counters = plan.parent?.counters ?? createCounters();
  const decide = createDecider(policy);
  const onFailure = (error: SandboxError): void => endWith('log-unwritable', error.message);
  const onDenialLimit = (denials: number): void =>
    endWith('denials', `${denials} requests were denied`);
  const point = createPoint({
    decide,
    log,
    mode: policy.mode,
    agent: { command: plan.command[0] ?? '' },
    limits: policy.limits,
    counters,
    onFailure,
    onDenialLimit,
  });
  const deniedBefore = point.counters().denied;
  const user = guestUser(policy.workspace, policy.home, plan.hostEnvironment);
  const muxPath = join(runtimeDirectory, 'mux.sock');
  const fsPath = join(runtimeDirectory, 'fs.sock');

  const [mux, filesystem] = await Promise.all([
    listenOnce(muxPath),
    startFilesystem({
      ...(base.thread && { thread: base.thread }),
      socket: fsPath,
      policy,
      log: log.share(),
      counters,
      agent: { command: plan.command[0] ?? '' },
      sessionDirectory: base.directory,
      notifications: true,
      uidMap: user.uidMap,
      onFault: (detail: string) => endWith('filesystem-fault', detail),
      onLost: (detail: string) =>
        endWith('machine-lost', `its connection to the file server: ${detail}`),
      onDenialLimit,
    }),
  ]);
  closers.push(
    () => mux.close(),
    () => filesystem.close(),
  );
  const machine = await startMachine({
    cpus: policy.limits.cpus,
    memory: policy.limits.memory,
    accelerator: plan.accelerator,
    sockets: { directory: runtimeDirectory, mux: muxPath, fs: fsPath },
    cache: plan.cacheDirectory,
    console: sessionFiles(base.directory).console,
    onProgress: plan.onProgress,
  });
  closers.push(() => machine.kill());
  const { window } = machine;
  if (window) {
    // Closed last: the file server must not find another file under its number.
    closers.unshift(() => window.close());
    filesystem.useWindow(window.descriptor);
  }
  for (const notice of machine.notices) plan.onProgress(notice);

  const extra = hostAuthorities(plan.hostEnvironment, plan.onProgress);
  const credentials = await sessionCredentials(plan, base, point, extra);
  if (credentials !== undefined) closers.push(() => credentials.close());
  const injector = credentials?.injector ?? plan.parent?.injector;
  const hasTools = plan.parent === undefined && policy.mcp.servers.length > 0;
  const egress = createEgress({
    point,
    policy,
    guestName: GUEST_NAME,
    ownNames: new Map([
      ...(credentials?.metadata ? METADATA_NAMES : []),
      ...(hasTools ? [[GATEWAY_NAME, GATEWAY_ADDRESS] as const] : []),
    ]),
    proxies: base.proxies,
    ca: extra,
    ...(injector && { injector }),
    ...(plan.parent && { outerBudget: plan.parent.budget, outerQuotas: plan.parent.quotas }),
    onFault: (detail) => log.append({ type: 'alert', alert: 'egress.fault', detail }),
  });
  const tools = hasTools
    ? await openSessionTools(plan, base, { point, decide, credentials, ca: extra, egress })
    : undefined;
  if (tools !== undefined) closers.push(() => tools.close());
  // Servers come up beside the agent's machine; what is wrong with one is told once that is there.
  const toolsReady = tools?.ready();
  toolsReady?.catch(() => undefined);
  const nested = createNestedSessions({
    plan,
    own: { id: base.id, counters, budget: egress.budget, quotas: egress.quotas, injector },
    start: (child) => startSession(child),
  });
  const link = connectGuest(await mux.connection, {
    onConnect: (destination, stream) => {
      const { address, port } = destination;
      if (credentials?.metadata && address === METADATA_ADDRESS && port === METADATA_PORT)
        credentials.metadata.serve(stream);
      else if (tools && address === GATEWAY_ADDRESS && port === GATEWAY_PORT) tools.serve(stream);
      else egress.onConnect(destination, stream);
    },
    onDatagrams: (destination, stream) => egress.onDatagrams(destination, stream),
    onDns: (query) => egress.onDns(query),
    onSession: (stream) => nested.serve(stream),
    onFault: (detail) => endWith('guest-fault', detail),
  });
  const trust = guestTrust(
    injector !== undefined || needsInspection(policy) ? await egress.caPem() : undefined,
    extra,
  );
  const configs = tools && clientConfigs(tools.servers, tools.bearer);
  const config = guestConfig(policy, user, [
    ...accountFiles(decide, user.identity),
    ...trust.files,
    ...(configs?.system ?? []),
  ]);
  await Promise.race([link.start(config), machineLost(machine.exited)]);

  filesystem.begin();
  const session = new LiveSession({
    log,
    point,
    machine,
    link,
    closers: [
      () => nested.close(),
      () => tools?.close(),
      () => egress.close(),
      () => credentials?.close(),
      () => filesystem.close(),
      () => window?.close(),
      () => point.flush(),
    ],
    runtimeDirectory,
    state: { ...base.state, status: 'running', isolation: machine.isolation },
    directory: base.directory,
    mayRunAsRoot: policy.user === 'root',
    environment: (extra) =>
      guestEnvironment(plan.hostEnvironment, user.identity, base.id, [
        ...trust.variables,
        ...(credentials?.variables ?? []),
        ...(tools ? toolVariables(tools) : []),
        ...extra,
      ]),
    denials: () => point.counters().denied - deniedBefore,
    credentials: () => credentials?.uses() ?? [],
  });
  live.session = session;
  // From here on it ends all its parts itself, once.
  closers.splice(0, closers.length, async () => void (await session.stop('stopped')));
  const control = await serveControl(join(runtimeDirectory, CONTROL_SOCKET), session);
  void session.ended.then(() => control.close());
  if (policy.limits.timeout !== undefined) session.limitTime(policy.limits.timeout);
  writeState(base.directory, { ...base.state, status: 'running', isolation: machine.isolation });
  if (configs !== undefined) await tellClients(session, configs, plan);
  await toolsReady?.catch(async (error: unknown) => {
    await session.stop('tool-server', messageOf(error));
    throw error; // what is wrong is said by whoever asked for the session
  });
  if (early !== undefined) await session.stop(early.reason, early.detail);
  return session;
}

/** Loaded only where the policy has any. */
async function sessionCredentials(
  plan: SessionPlan,
  { id, proxies }: Foundation,
  point: Point,
  ca: readonly string[],
): Promise<Credentials | undefined> {
  if (plan.policy.credentials.length === 0 || plan.parent !== undefined) return undefined;
  const { openCredentials } = await import('./credentials.ts');
  return openCredentials({ plan, id, point, proxies, ca });
}

/** Loaded only where the policy has any. */
async function openSessionTools(
  plan: SessionPlan,
  { id, directory, proxies }: Foundation,
  parts: Pick<OpenToolsOptions, 'point' | 'decide' | 'credentials' | 'ca'> & { egress: Egress },
): Promise<Tools> {
  const { openTools } = await import('./tools.ts');
  const { budget, quotas } = parts.egress;
  return openTools({
    plan,
    directory,
    proxies,
    ...parts,
    own: { id, budget, quotas },
    names: [GATEWAY_NAME, `${GATEWAY_NAME}:${GATEWAY_PORT}`],
    vouch: false,
    start: (one) => startSession(one),
  });
}

function guestConfig(
  policy: EffectivePolicy,
  user: GuestUser,
  files: GuestFile[],
): Parameters<ReturnType<typeof connectGuest>['start']>[0] {
  return {
    entropy: randomBytes(64),
    time: BigInt(Date.now()) * 1_000_000n,
    hostname: GUEST_NAME,
    user: user.identity,
    rootAllowed: policy.user === 'root',
    processes: policy.limits.processes,
    shares: sharesOf(policy),
    datagramPorts: datagramPorts(policy),
    files,
  };
}

function requireWorkspace({ policy }: SessionPlan): void {
  if (!isKernelOwn(policy.workspace)) return;
  throw new SandboxError({
    kind: 'usage',
    code: 'SESSION_BAD_WORKSPACE',
    message: `the workspace '${policy.workspace}' lies where the guest has a kernel's own files (/dev, /proc, /sys)`,
    hint: 'work in another directory, e.g. under /tmp, or name one with --workspace',
  });
}

function requireIsolation(plan: SessionPlan): void {
  if (plan.policy.require.isolation !== 'hardware' || isolationOf(plan.accelerator) === 'hardware')
    return;
  throw new SandboxError({
    kind: 'environment',
    code: 'SESSION_EMULATED',
    message:
      'the policy requires `isolation: hardware`, and this machine can only emulate the guest',
    hint: 'see `agent-sandbox doctor` for what is missing',
  });
}

async function machineLost(exited: Promise<{ reason: string; message: string }>): Promise<never> {
  const exit = await exited;
  throw new SandboxError({
    kind: 'internal',
    code: 'SESSION_MACHINE_LOST',
    message: `the machine ended (${exit.reason}) before the guest was ready${exit.message === '' ? '' : `: ${exit.message}`}`,
    hint: 'see console.log in the session directory',
  });
}

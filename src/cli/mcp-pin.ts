// `mcp pin`: asks every tool server what it has, shows what a reviewer has to know, and writes it down.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command } from 'commander';

import { createPins } from '../enforce/mcp/pins/create-pins.ts';
import { lockOf, type PinFinding } from '../enforce/mcp/pins/lock-build.ts';
import { writeLock } from '../enforce/mcp/pins/lock-writer.ts';
import { lookAlikes } from '../enforce/mcp/pins/look-alikes.ts';
import { createSurvey } from '../enforce/mcp/pins/survey.ts';
import type { Drift, PinnedServer, Pins } from '../enforce/mcp/pins.ts';
import { recordOfTree } from '../install/tree.ts';
import { MCP_LOCK_VERSION, type LockedServer, type McpLock } from '../model/mcp-lock.ts';
import { openToolsAlone } from '../session/tools-alone.ts';
import type { ServerWay } from '../session/tool-upstreams.ts';
import { EXIT } from './exit-code.ts';
import { lockPath, readLockFile } from './mcp-lock-file.ts';
import { toolPlan } from './mcp-plan.ts';
import { err, json, out } from './output.ts';
import { renderDrift, renderFinding } from './mcp-review.ts';
import { addLayerOptions, type LayerOptions } from './policy-options.ts';

interface PinOptions extends LayerOptions {
  accept: string[];
  check: boolean;
  logDir?: string;
}

const KINDS = ['tool', 'prompt', 'resource', 'template'] as const;

export function pinCommand(): Command {
  const command = new Command('pin')
    .description(
      'ask every tool server what it has, and write the lock file; a finding keeps a definition out of it',
    )
    .option(
      '--accept <server/name>',
      'take a definition in spite of its findings (`SERVER/` for the server itself); may be repeated',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--check', 'write nothing; fail where the lock file is not what servers have', false)
    .option('--log-dir <dir>', 'where the session is recorded');
  return addLayerOptions(command).action(async (options: PinOptions) => {
    process.exitCode = await pin(options);
  });
}

async function pin(options: PinOptions): Promise<number> {
  const plan = await toolPlan({ ...options, survey: true }, 'agent-sandbox mcp pin');
  if (plan === undefined) return EXIT.failed;
  const { policy } = plan;
  const before = readLockFile(policy);
  const pins = createSurvey();
  let stopped: string | undefined;
  const alone = await openToolsAlone({
    plan,
    survey: true,
    pins,
    names: ['mcp.sandbox.internal'],
    onStop: (why) => (stopped = why),
  });
  const servers: Record<string, LockedServer> = {};
  const findings: PinFinding[] = [];
  const faults: string[] = [];
  try {
    const checked = await alone.tools.checkAll();
    for (const way of alone.tools.ways) {
      const { id } = way.server;
      const fault = checked.find((one) => one.id === id)?.fault ?? stopped;
      const found = pins.find(id);
      if (fault !== undefined || found === undefined) {
        faults.push(`the tool server "${id}" was not pinned: ${fault ?? 'it did not answer'}`);
        const old = before?.servers[id];
        if (old !== undefined) servers[id] = old;
        continue;
      }
      const made = build(way, found, options.accept);
      findings.push(...made.findings);
      if (made.server !== undefined) servers[id] = made.server;
      for (const line of vouchedLines(way)) err(`${id}: ${line}`);
    }
  } finally {
    await alone.close();
  }
  const lock: McpLock = { version: MCP_LOCK_VERSION, servers };
  findings.push(...lookAlikes(lock));
  const drifts = before === undefined ? [] : driftsOf(before, lock);
  const text = writeLock(lock);
  const isSame = before !== undefined && writeLock(before).equals(text);
  const path = lockPath(policy);
  if (!options.check && !isSame) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const isLeftOut = findings.some(({ effect }) => effect !== 'note');
  if (options.json) json({ path, changed: !isSame, findings, drifts, faults });
  else {
    for (const fault of faults) err(fault);
    for (const finding of findings) out(renderFinding(finding));
    for (const drift of drifts) out(renderDrift(drift));
    out(summary(lock, path, { isSame, isCheck: options.check }));
    if (isLeftOut) err('what is left out is not served; look at it, and take it with `--accept`');
  }
  return faults.length > 0 || isLeftOut || (options.check && !isSame) ? 1 : 0;
}

function build(
  { server, prepared }: ServerWay,
  { facts, definitions }: PinnedServer,
  accept: readonly string[],
): ReturnType<typeof lockOf> {
  const { id, at } = server;
  return lockOf({
    id,
    at,
    facts,
    definitions,
    ...(prepared?.tree && { packages: recordOfTree(prepared.tree) }),
    accepts: (_kind, name) => accept.includes(`${id}/${name}`),
  });
}

function vouchedLines({ prepared }: ServerWay): string[] {
  const { vouched, tree } = prepared ?? {};
  if (vouched === undefined || tree === undefined) return [];
  const { signatures, provenance, reason } = vouched;
  return [
    `${tree.name} ${tree.version}: registry signatures ${signatures}, provenance ${provenance}${reason === undefined ? '' : ` (${reason})`}`,
  ];
}

/** What a reader of the old lock would find different. */
function driftsOf(before: McpLock, now: McpLock): Drift[] {
  const pins: Pins = createPins({ lock: before });
  return Object.entries(now.servers).flatMap(([id, server]) => {
    if (!Object.hasOwn(before.servers, id)) return [];
    const { tools, prompts, resources, templates } = server;
    const lists = { tool: tools, prompt: prompts, resource: resources, template: templates };
    return [
      ...pins.meet(id, server),
      ...KINDS.flatMap((kind) =>
        pins.compare(
          id,
          kind,
          lists[kind].map(({ definition }) => definition),
        ),
      ),
    ];
  });
}

function summary(
  { servers }: McpLock,
  path: string,
  { isSame, isCheck }: { isSame: boolean; isCheck: boolean },
): string {
  const tools = Object.values(servers).reduce((sum, one) => sum + one.tools.length, 0);
  const what = `${Object.keys(servers).length} servers with ${tools} tools`;
  if (isSame) return `${path} is up to date: ${what}`;
  return isCheck ? `${path} is not what the servers have` : `wrote ${path}: ${what}`;
}

// `mcp list`: which servers the layers come to, and what of them the agent may use.

import { Command } from 'commander';

import type { McpLock } from '../model/mcp-lock.ts';
import type { GrantedServer } from '../model/policy.ts';
import { showControls } from '../policy/diagnostic.ts';
import { createDecider, type Decider } from '../policy/decide.ts';
import { EXIT } from './exit-code.ts';
import { readLockFile } from './mcp-lock-file.ts';
import { json, out, paint } from './output.ts';
import { addLayerOptions, type LayerOptions, loadLayers, reportFaults } from './policy-options.ts';

interface Row {
  id: string;
  place: string;
  layer: string;
  file: string;
  line: number;
  credential?: string;
  required: boolean;
  /** whether the lock file has it */
  isPinned: boolean;
  /** names that the lock file has and the policy lets the agent call */
  tools: string[];
  prompts: string[];
  /** of the lock file, and not for the agent */
  hidden: number;
}

export function listCommand(): Command {
  const command = new Command('list')
    .description(
      'list the tool servers, and what the agent may use of what was pinned; starts none',
    )
    .argument('[file]', 'the policy (default: as --policy)');
  return addLayerOptions(command).action((file: string | undefined, options: LayerOptions) => {
    const loaded = loadLayers(options, file);
    reportFaults(loaded);
    const { policy } = loaded;
    if (policy === undefined) {
      process.exitCode = EXIT.failed;
      return;
    }
    const lock = readLockFile(policy);
    const decide = createDecider(policy);
    const rows = policy.mcp.servers.map((server) => rowOf(server, lock, decide));
    if (options.json) json(rows);
    else if (rows.length === 0) out('the policy has no tool servers');
    else rows.forEach(print);
  });
}

function rowOf(server: GrantedServer, lock: McpLock | undefined, decide: Decider): Row {
  const { id, at, layer, file, line, credential, required } = server;
  const pinned = lock?.servers[id];
  const named = (kind: 'tools' | 'prompts'): string[] =>
    (pinned?.[kind] ?? []).flatMap(({ definition }) => {
      const { name } = definition;
      return typeof name === 'string' ? name : [];
    });
  const tools = named('tools').filter(
    (tool) => decide({ kind: 'tool', server: id, tool }).effect === 'allow',
  );
  const prompts = named('prompts').filter(
    (name) => decide({ kind: 'prompt', server: id, name }).effect === 'allow',
  );
  return {
    id,
    place: at.kind === 'remote' ? at.url : at.command.join(' '),
    layer,
    file,
    line,
    ...(credential !== undefined && { credential }),
    required,
    isPinned: pinned !== undefined,
    tools,
    prompts,
    hidden: named('tools').length + named('prompts').length - tools.length - prompts.length,
  };
}

function print(row: Row): void {
  const { id, place, layer, file, line, credential, required, isPinned, hidden } = row;
  out(
    `${paint('bold', id)}  ${showControls(place)}  ${paint('dim', showControls(`${layer}, ${file}:${line}`))}`,
  );
  const facts: [string, string[]][] = [
    ['with', credential === undefined ? [] : [`the credential ${credential}`]],
    ['needed', required ? [] : ['no: a session starts without it']],
    ['pinned', isPinned ? [] : ['no: `agent-sandbox mcp pin` writes down what it has']],
    ['tools', row.tools],
    ['prompts', row.prompts],
    ['hidden', hidden === 0 ? [] : [`${hidden} that no rule allows`]],
  ];
  for (const [name, values] of facts)
    for (const [i, value] of values.entries())
      out(`  ${(i === 0 ? name : '').padEnd(9)} ${showControls(value)}`);
}

// `mcp`: the tool servers of a policy.

import { Command } from 'commander';

import { connectServer, gatewayOf } from './mcp-connect.ts';
import { listCommand } from './mcp-list.ts';
import { pinCommand } from './mcp-pin.ts';
import { serveCommand } from './mcp-serve.ts';

export function mcpCommand(): Command {
  return new Command('mcp')
    .description('the tool servers of a policy: what they have, what was reviewed of them')
    .addCommand(listCommand())
    .addCommand(pinCommand())
    .addCommand(serveCommand())
    .addCommand(connectCommand());
}

function connectCommand(): Command {
  return new Command('connect')
    .description('speak with one tool server over stdio, for clients that start a command')
    .argument('<server>', 'as the policy calls it')
    .action((server: string) =>
      connectServer({
        ...gatewayOf(process.env, server),
        input: process.stdin,
        output: process.stdout,
      }),
    );
}

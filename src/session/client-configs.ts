// How the clients of an agent are told of the gateway, and of nothing else. Where a program has a file of the system's that wins over
// those of users and projects, that one is written; else the one in the session's own HOME.

import { isInside } from './shares.ts';
import type { GuestFile } from '../guest/link.ts';

/** What a client needs to know of one server. */
export interface ServedTool {
  id: string;
  url: string;
}

export interface ClientConfigs {
  /** below /etc */
  system: GuestFile[];
  /** in HOME: paths relative to it */
  home: { path: string; content: string }[];
}

/** For a server to begin, in seconds: in a machine of its own that is emulated it takes longer than clients wait by themselves. */
const START_SECONDS = 120;
/** For a call, in milliseconds; Gemini CLI has one limit for both, and this is its own for calls. */
const GEMINI_TIMEOUT = 600_000;

/** `bearer`: what the gateway asks for. */
export function clientConfigs(servers: readonly ServedTool[], bearer: string): ClientConfigs {
  const headers = { Authorization: `Bearer ${bearer}` };
  const each = (
    entry: (server: ServedTool) => Record<string, unknown>,
  ): Record<string, Record<string, unknown>> =>
    Object.fromEntries(servers.map((server) => [server.id, entry(server)]));
  const http = each(({ url }) => ({ type: 'http', url, headers }));
  return {
    system: [
      // Claude Code: with this file there, no other servers can be added.
      // https://code.claude.com/docs/en/mcp#managed-mcp-configuration
      { path: '/etc/claude-code/managed-mcp.json', content: json({ mcpServers: http }) },
      // Gemini CLI: system settings win over a user's and a project's; only the names listed are used.
      // https://github.com/google-gemini/gemini-cli/blob/main/docs/reference/configuration.md
      {
        path: '/etc/gemini-cli/settings.json',
        content: json({
          mcp: { allowed: servers.map(({ id }) => id) },
          mcpServers: each(({ url }) => ({
            httpUrl: url,
            headers,
            trust: false,
            timeout: GEMINI_TIMEOUT,
          })),
        }),
      },
      // Codex: the system's layer, and what every other layer must keep to.
      // https://developers.openai.com/codex/config-reference
      { path: '/etc/codex/config.toml', content: codexConfig(servers, headers.Authorization) },
      { path: '/etc/codex/requirements.toml', content: codexRequirements(servers) },
    ],
    home: [
      // GitHub Copilot CLI
      {
        path: '.copilot/mcp-config.json',
        content: json({
          mcpServers: each(({ url }) => ({ type: 'http', url, headers, tools: ['*'] })),
        }),
      },
      // Cursor
      {
        path: '.cursor/mcp.json',
        content: json({ mcpServers: each(({ url }) => ({ url, headers })) }),
      },
      // Visual Studio Code and its server
      { path: '.config/Code/User/mcp.json', content: json({ servers: http }) },
      { path: '.vscode-server/data/User/mcp.json', content: json({ servers: http }) },
    ],
  };
}

/** For what finds the gateway by variables, such as `mcp connect`. */
export function toolVariables({
  base,
  bearer,
}: {
  base: string;
  bearer: string;
}): (readonly [string, string])[] {
  return [
    ['AGENT_SANDBOX_MCP_URL', base],
    ['AGENT_SANDBOX_MCP_TOKEN', bearer],
  ];
}

/** Those of `home` that lie in no directory which is shown from the host: there they would be written into the host's own files. */
export function clientFilesWithin<F extends { path: string }>(
  files: readonly F[],
  home: string,
  shares: readonly string[],
): F[] {
  return files.filter(
    ({ path }) => !shares.some((share) => share === home || isInside(`${home}/${path}`, share)),
  );
}

/**
 * A script for sh that writes them into HOME, readable by their owner alone. The names and contents are ours; a line that ends a text
 * cannot stand in JSON.
 */
export function writingScript(files: ClientConfigs['home']): string {
  return [
    'umask 077',
    ...files.flatMap(({ path, content }) => [
      `mkdir -p "$HOME/${path.slice(0, path.lastIndexOf('/'))}"`,
      `cat > "$HOME/${path}" <<'END-OF-FILE'`,
      content.trimEnd(),
      'END-OF-FILE',
    ]),
    '',
  ].join('\n');
}

function codexConfig(servers: readonly ServedTool[], authorization: string): string {
  return servers
    .map(
      ({ id, url }) =>
        `[mcp_servers.${id}]\nurl = "${url}"\nhttp_headers = { Authorization = "${authorization}" }\nstartup_timeout_sec = ${START_SECONDS}\n`,
    )
    .join('\n');
}

function codexRequirements(servers: readonly ServedTool[]): string {
  const none = servers.length === 0 ? 'mcp_servers = {}\n' : '';
  return `${none}${servers.map(({ id, url }) => `[mcp_servers.${id}.identity]\nurl = "${url}"\n`).join('\n')}`;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

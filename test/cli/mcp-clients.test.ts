// Unmodified clients of agents, with the configuration that a session writes for them: each finds the gateway, and uses nothing that a
// repository adds. They run in a namespace of mounts where /etc has the files that it has in a guest.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { clientConfigs } from '../../src/session/client-configs.ts';
import { CliRig, collect, type CliResult } from '../support/cli.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Beside the dependencies: 900 MB that few need. */
const CLIENTS = join(ROOT, 'node_modules/.cache/mcp-clients');
const PACKAGES = [
  '@anthropic-ai/claude-code@2.1.330',
  '@openai/codex@0.169.0',
  '@google/gemini-cli@0.61.0',
];
const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const EVIL = 'http://127.0.0.1:9/mcp';

/** `$1`: files for /etc; `$2`: a folder for mounts. What a repository and a user might add is there, too. */
const SCRIPT = `
set -e
mount -t tmpfs tmpfs "$2"; mkdir "$2/upper" "$2/work"; cp -a "$1/." "$2/upper/"
mount -t overlay overlay -o lowerdir=/etc,upperdir="$2/upper",workdir="$2/work" /etc
export HOME="$2/home"; mkdir -p "$HOME/repository/.gemini" "$HOME/.codex"; cd "$HOME/repository"
echo '{"mcpServers":{"evil":{"type":"http","url":"${EVIL}"}}}' > .mcp.json
echo '{"mcpServers":{"evil":{"httpUrl":"${EVIL}"}}}' > .gemini/settings.json
printf '[mcp_servers.evil]\\nurl = "${EVIL}"\\n' > "$HOME/.codex/config.toml"
set +e
for client in claude codex gemini; do
  echo "== $client"
  GEMINI_CLI_TRUST_WORKSPACE=true timeout 120 "$3/node_modules/.bin/$client" mcp list 2>&1 < /dev/null
done
`;

const isRoot = process.getuid?.() === 0;

describe('an unmodified client', () => {
  let rig: CliRig;
  let fault: string | undefined;
  let upstream: ChildProcess | undefined;
  let gateway: ChildProcess | undefined;
  let ended: Promise<CliResult>;
  let output: Record<string, string> = {};

  beforeAll(async () => {
    rig = new CliRig();
    fault = isRoot ? install() : 'a namespace of mounts needs root';
    if (fault !== undefined) return;
    const port = 20000 + Math.floor(Math.random() * 20000);
    upstream = spawn(process.execPath, [EVERYTHING, 'streamableHttp'], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await new Promise((resolve) => upstream?.stderr?.once('data', resolve));
    const policy = `version: 1\nmcp:\n  servers:\n    - {id: every, url: "http://127.0.0.1:${port}/mcp"}\n  allow:\n    - {server: every, tools: ["*"]}\n`;
    gateway = rig.start(['mcp', 'serve', '--json', '--policy', rig.policy(policy)]);
    ended = collect(gateway);
    const served = await new Promise<{ servers: { id: string; url: string }[]; bearer: string }>(
      (resolve, reject) => {
        let text = '';
        gateway?.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text) as never);
        });
        void ended.then(({ stderr }) => reject(new Error(stderr)));
      },
    );
    const files = join(rig.root, 'etc');
    const mounts = join(rig.root, 'mounts');
    mkdirSync(mounts);
    for (const { path, content } of clientConfigs(served.servers, served.bearer).system) {
      const file = join(files, path.slice('/etc/'.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const said = execFileSync(
      'unshare',
      ['-m', 'bash', '-c', SCRIPT, '-', files, mounts, CLIENTS],
      {
        encoding: 'utf8',
      },
    );
    output = Object.fromEntries(
      said
        .split(/^== /m)
        .slice(1)
        .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
    );
  }, 600_000);
  afterAll(async () => {
    upstream?.kill('SIGKILL');
    gateway?.kill('SIGTERM');
    if (gateway !== undefined) await ended;
    rig.remove();
  });
  beforeEach((context) => {
    if (fault !== undefined) context.skip(fault);
  });

  it('Claude Code is connected, and knows no other server', () => {
    expect(output['claude']).toMatch(
      /every: http:\/\/127\.0\.0\.1:\d+\/mcp\/every \(HTTP\) - .*Connected/,
    );
    expect(output['claude']).not.toContain('evil');
  });

  it('Codex has the gateway with its bearer, and another server is off by its requirements', () => {
    expect(output['codex']).toMatch(
      /^every +http:\/\/127\.0\.0\.1:\d+\/mcp\/every .*enabled +Bearer token/m,
    );
    expect(output['codex']).toMatch(/^evil .*disabled: requirements/m);
  });

  it('Gemini CLI is connected, and another server is blocked', () => {
    expect(output['gemini']).toMatch(
      /every: http:\/\/127\.0\.0\.1:\d+\/mcp\/every \(http\) - Connected/,
    );
    expect(output['gemini']).toMatch(/evil: .* - Blocked/);
  });
});

/** What kept the clients from being installed. */
function install(): string | undefined {
  const mark = join(CLIENTS, 'installed.txt');
  const wanted = PACKAGES.join('\n');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return undefined;
  mkdirSync(CLIENTS, { recursive: true });
  writeFileSync(join(CLIENTS, 'package.json'), '{"private":true}');
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...PACKAGES], {
      cwd: CLIENTS,
      stdio: 'pipe',
    });
  } catch (error) {
    return `the clients cannot be installed here: ${String(error).split('\n')[0] ?? ''}`;
  }
  writeFileSync(mark, wanted);
  return undefined;
}

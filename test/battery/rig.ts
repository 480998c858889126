// The host side of the battery: a home with secrets, a runner's directory, tool cache, workspaces, and the environment
// that the program under test is started with.
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

import type { Ground } from './ground.ts';
import { layoutOf, VARIABLES, type Layout } from './layout.ts';
import { run } from './namespace.ts';

/** Every planted secret begins with this; the battery looks for it. Split so that no copy of the battery holds it. */
export const SECRET = ['RSEC', '_'].join('');

const HOME_SECRETS = [
  '.ssh/id_rsa',
  '.ssh/id_ed25519',
  '.aws/credentials',
  '.docker/config.json',
  '.npmrc',
  '.netrc',
  '.git-credentials',
  '.config/gh/hosts.yml',
  '.config/gcloud/application_default_credentials.json',
  '.kube/config',
  '.claude/.credentials.json',
  '.codex/auth.json',
  '.bash_history',
  '.bashrc',
];

export interface Rig extends Layout {
  program: string;
  ground: Ground;
  /** variables of the program under test */
  environment: Record<string, string>;
  newWorkspace(name: string): string;
  /** writes the variables of one snippet and returns the file */
  writeVariables(id: string, nonce: string, workspace: string): string;
  writePolicy(name: string, text: string): string;
  newNonce(): string;
}

export interface RigOptions {
  root: string;
  repository: string;
  cache: string;
  path: string;
  ground: Ground;
}

export function createRig(options: RigOptions): Rig {
  const layout = layoutOf(options.root);
  for (const place of [layout.kit, layout.home, layout.temp, layout.logs, layout.environments])
    mkdirSync(place, { recursive: true });
  cpSync(join(options.repository, 'test/battery/kit'), layout.kit, { recursive: true });
  cpSync(join(options.repository, 'test/battery/snippets'), join(layout.kit, 'snippets'), {
    recursive: true,
  });
  plant(layout.home, HOME_SECRETS);
  const commands = join(layout.runner, '_work/_temp/_runner_file_commands');
  plant(layout.runner, [
    '.credentials',
    '.credentials_rsaparams',
    '.runner',
    '_diag/Worker.log',
    '_work/_temp/event.json',
    '_work/other/other/.env',
  ]);
  plant(commands, ['set_env', 'add_path', 'set_output', 'save_state', 'step_summary']);
  plantTool(layout.toolCache);
  const environment = environmentOf(options, layout, commands);
  return {
    ...layout,
    program: join(options.repository, 'bin/agent-sandbox.js'),
    ground: options.ground,
    environment,
    newWorkspace: (name) => makeWorkspace(join(layout.runner, '_work', name, name)),
    writeVariables: (id, nonce, workspace) => {
      const file = join(layout.environments, `${nonce}.sh`);
      const variables = {
        ...VARIABLES,
        ID: id,
        NONCE: nonce,
        WS: workspace,
        KIT: layout.kit,
        RIG_RUNNER: layout.runner,
        RIG_TOOLS: layout.toolCache,
        RIG_LOGS: layout.logs,
        RIG_HOSTNAME: hostname(),
        NODE_EXTRA_CA_CERTS: layout.authority,
        SSL_CERT_FILE: layout.authority,
      };
      writeFileSync(
        file,
        Object.entries(variables)
          .map(([name, value]) => `export ${name}='${value}'\n`)
          .join(''),
      );
      return file;
    },
    writePolicy: (name, text) => {
      const file = join(layout.root, 'policies', `${name}.yml`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    newNonce: () => `nnce${randomBytes(6).toString('hex')}`,
  };
}

function environmentOf(
  options: RigOptions,
  layout: Layout,
  commands: string,
): Record<string, string> {
  return {
    PATH: `${join(layout.toolCache, 'marker/1.0/x64/bin')}:${options.path}`,
    HOME: layout.home,
    USER: 'runner',
    LANG: 'C.UTF-8',
    TMPDIR: layout.temp,
    AGENT_SANDBOX_CACHE_DIR: options.cache,
    // What judges requests must believe the origins.
    NODE_EXTRA_CA_CERTS: layout.authority,
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_REPOSITORY: 'acme/app',
    APP_SECRET: `${SECRET}app_value_5f3a9c1e`,
    GITHUB_TOKEN: `${SECRET}github_token`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${SECRET}id_token`,
    RUNNER_TEMP: join(layout.runner, '_work/_temp'),
    RUNNER_TOOL_CACHE: layout.toolCache,
    GITHUB_ENV: join(commands, 'set_env'),
    GITHUB_PATH: join(commands, 'add_path'),
    GITHUB_OUTPUT: join(commands, 'set_output'),
    GITHUB_STATE: join(commands, 'save_state'),
    GITHUB_STEP_SUMMARY: join(commands, 'step_summary'),
  };
}

function plant(place: string, names: readonly string[]): void {
  for (const name of names) {
    const file = join(place, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${SECRET}${name.replaceAll(/[^a-z]/g, '_')}\n`, { mode: 0o600 });
  }
}

function plantTool(place: string): void {
  const bin = join(place, 'marker/1.0/x64/bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'marker-tool'), '#!/bin/sh\necho MARKER-TOOL-RAN\n');
  chmodSync(join(bin, 'marker-tool'), 0o755);
}

function makeWorkspace(place: string): string {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(join(place, 'secrets'), { recursive: true });
  mkdirSync(join(place, 'sub'));
  writeFileSync(join(place, 'README.md'), '# app\n');
  writeFileSync(join(place, 'sub/code.js'), 'console.log(1)\n');
  writeFileSync(join(place, '.gitignore'), '.env\nsecrets\n');
  const git = (...argv: string[]): void =>
    run('git', '-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', place, ...argv);
  git('-c', 'init.defaultBranch=main', 'init', '-q');
  git('add', '.');
  git('commit', '-qm', 'first');
  writeFileSync(join(place, '.env'), `${SECRET}dotenv\n`);
  writeFileSync(join(place, 'secrets/k'), `${SECRET}key\n`);
  return place;
}

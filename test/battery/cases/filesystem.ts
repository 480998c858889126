// Ways to files of the host, and ways by which files reach out to the host later.
import { existsSync, lstatSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

import type { Aftermath, Case } from '../case.ts';
import { runProgram } from '../executor.ts';
import { SECRET, type Rig } from '../rig.ts';
import { checkWritten } from './legitimate.ts';

/** Git on the host, as a trusted step after the run would use it; true when something of the guest's choice ran. */
async function gitRuns({ rig, workspace, nonce }: Aftermath): Promise<string | undefined> {
  const environment = {
    ...rig.environment,
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  };
  const git = (...argv: string[]): Promise<unknown> =>
    runProgram('git', ['-C', workspace, ...argv], { environment, limit: 20_000 });
  await git('status');
  await git('diff');
  await git('add', 'README.md');
  await git(
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@example.com',
    'commit',
    '--allow-empty',
    '-qm',
    'x',
  );
  await git('checkout', '-q', '-b', `b-${nonce}`);
  await git('checkout', '-q', 'main');
  const ran = listTree(workspace).filter((name) => name.includes(nonce) && name.includes('ran-'));
  const aliases = listTree(workspace).filter((name) => name.endsWith(`.${nonce}`));
  return ran.length + aliases.length > 0 ? `git ran ${[...ran, ...aliases].join(' ')}` : undefined;
}

function listTree(place: string): string[] {
  return readdirSync(place, { recursive: true, encoding: 'latin1' });
}

function findIn(nonce: string, files: readonly string[]): string | undefined {
  const found = files.filter(
    (file) => existsSync(file) && readFileSync(file, 'latin1').includes(nonce),
  );
  return found.length > 0 ? `${found.join(' ')} was written` : undefined;
}

function checkLinks({ rig, hostRoot, nonce }: Aftermath): string | undefined {
  for (const name of [`etc/${nonce}`, `etc/${nonce}.up`])
    if (existsSync(join(hostRoot, name))) return `/${name} was made`;
  return findIn(nonce, [join(hostRoot, rig.home, '.bashrc')]);
}

function checkSpecial({ workspace }: Aftermath): string | undefined {
  for (const name of readdirSync(workspace)) {
    const stat = lstatSync(join(workspace, name));
    if (stat.isBlockDevice() || stat.isCharacterDevice()) return `${name} is a device`;
    if ((stat.mode & 0o6000) !== 0) return `${name} has a set-id bit`;
  }
  return undefined;
}

let freeBefore = 0;

export const FILESYSTEM: readonly Case[] = [
  { id: 'F01', title: 'secrets in the host’s home', tier: 'G', expect: 'structural' },
  { id: 'F02', title: 'the runner’s own files', tier: 'G', expect: 'structural' },
  { id: 'F04', title: 'writing through links', tier: 'G', expect: 'neutralize', check: checkLinks },
  { id: 'F05', title: 'links to secrets among the outputs', tier: 'G', expect: 'neutralize' },
  {
    id: 'F07',
    title: 'hard links to files outside',
    tier: 'G',
    expect: 'structural',
    check: ({ rig, hostRoot, nonce }) =>
      findIn(nonce, [join(hostRoot, 'etc/passwd'), join(hostRoot, rig.home, '.npmrc')]),
  },
  { id: 'F08', title: 'file handles and process roots', tier: 'G', expect: 'structural' },
  {
    id: 'F10',
    title: 'protected files that do not exist yet',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
    check: ({ workspace, nonce }) =>
      findIn(
        nonce,
        [
          'CLAUDE.md',
          '.mcp.json',
          '.claude/settings.json',
          'sub/CLAUDE.md',
          'sub/.mcp.json',
          'sub/deep/.mcp.json',
        ].map((name) => join(workspace, name)),
      ),
  },
  {
    id: 'F11',
    title: 'renaming the directory above a protected one',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
    check: ({ workspace, nonce }) => findIn(nonce, [join(workspace, '.git/hooks/pre-commit')]),
  },
  {
    id: 'F13',
    title: 'other spellings of .git',
    tier: 'G',
    expect: 'neutralize',
    control: { none: 'the host’s file system tells all spellings apart' },
    check: gitRuns,
  },
  {
    id: 'F14',
    title: 'git running programs on the host afterwards',
    tier: 'G',
    expect: 'neutralize',
    check: gitRuns,
  },
  {
    id: 'F16',
    title: 'files that later steps execute',
    tier: 'D',
    expect: 'warn',
    control: { none: 'the workspace is writable by policy' },
  },
  {
    id: 'F17',
    title: 'the runner’s command files',
    tier: 'G',
    expect: 'neutralize',
    check: ({ rig, hostRoot, nonce }) => {
      const commands = join(hostRoot, rig.runner, '_work/_temp/_runner_file_commands');
      return findIn(
        nonce,
        readdirSync(commands).map((name) => join(commands, name)),
      );
    },
  },
  {
    id: 'F19',
    title: 'caches that a later job restores',
    tier: 'G',
    expect: 'neutralize',
    check: ({ rig, hostRoot, nonce }) =>
      findIn(
        nonce,
        ['.npm/planted', '.cache/planted']
          .map((name) => join(hostRoot, rig.home, name))
          .concat(join(hostRoot, rig.toolCache, 'marker/planted')),
      ),
  },
  {
    id: 'F20',
    title: 'devices and set-id files in the workspace',
    tier: 'G',
    expect: 'neutralize',
    check: checkSpecial,
  },
  {
    id: 'F22',
    title: 'filling the host’s disk',
    tier: 'G',
    expect: 'neutralize',
    control: { none: 'the disk of this machine is not filled on purpose' },
    before: (rig: Rig) => {
      freeBefore = statfsSync(rig.root).bavail;
    },
    check: ({ rig }) => {
      const { bavail, bsize } = statfsSync(rig.root);
      const lost = (freeBefore - bavail) * bsize;
      return lost > 1 << 30 ? `${Math.round(lost / 2 ** 20)} MiB are gone` : undefined;
    },
  },
  {
    id: 'F23',
    title: 'kernel settings',
    tier: 'D',
    expect: 'neutralize',
    control: { none: 'the settings of this machine’s kernel are not changed' },
    check: ({ nonce }) =>
      findIn(nonce, ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe']),
  },
  {
    id: 'F25',
    title: 'strange use of the file system leaves it alive',
    tier: 'G',
    expect: 'allow',
  },
  {
    id: 'L05',
    title: 'files can be written after strange use',
    tier: 'G',
    expect: 'allow',
    check: checkWritten,
  },
  {
    id: 'F26',
    title: 'denied files within the workspace',
    tier: 'G',
    expect: 'deny',
    control: 'namespace',
    check: ({ workspace, hostRoot }) =>
      hostRoot === '/' && !readFileSync(join(workspace, '.env'), 'utf8').includes(SECRET)
        ? '.env was changed'
        : undefined,
  },
];

// A stand-in for actions/checkout v7: the run's files as a git repository in the workspace, and the token where the real one
// leaves it, in RUNNER_TEMP with an `includeIf` in `.git/config` that leads to it, until its post stage.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Files, RunOptions } from './types.ts';

export function writeCheckout(place: string, options: RunOptions): void {
  writeFiles(join(place, 'files'), options.files ?? {});
  writeFiles(place, { 'action.yml': ACTION, 'dist/index.mjs': SCRIPT });
}

export function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  if (typeof files === 'string') return cpSync(files, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const ACTION = `
name: Checkout
inputs:
  repository: {default: '\${{ github.repository }}'}
  ref: {default: ''}
  token: {default: '\${{ github.token }}'}
  persist-credentials: {default: true}
  path: {default: ''}
  fetch-depth: {default: 1}
runs: {using: node24, main: dist/index.mjs, post: dist/index.mjs}
`;

const SCRIPT = `
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { env } = process;
const folder = join(env.GITHUB_WORKSPACE, env.INPUT_PATH ?? '');
const git = (...args) =>
  execFileSync('git', ['-C', folder, ...args], { stdio: 'pipe', env: { ...env, GIT_CONFIG_NOSYSTEM: '1' } });

if (env.STATE_isPost !== undefined) {
  if (env.STATE_credentials === undefined) process.exit(0);
  rmSync(env.STATE_credentials, { force: true });
  try {
    git('config', '--local', '--remove-section', 'includeIf.gitdir:' + join(folder, '.git'));
  } catch (error) {
    console.log('::warning::' + String(error.stderr ?? error).trim());
  }
} else {
  appendFileSync(env.GITHUB_STATE, 'isPost=true\\n');
  mkdirSync(folder, { recursive: true });
  cpSync(new URL('../files', import.meta.url).pathname, folder, { recursive: true });
  git('init', '--quiet', '--initial-branch', env.GITHUB_REF_NAME?.split('/')[0] || 'main');
  git('remote', 'add', 'origin', env.GITHUB_SERVER_URL + '/' + env.INPUT_REPOSITORY);
  git('add', '--all');
  git('-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '--allow-empty', '-m', 'Files of the test');
  const file = join(env.RUNNER_TEMP, 'git-credentials-' + randomUUID() + '.config');
  if (env['INPUT_PERSIST-CREDENTIALS'] === 'true') {
    const basic = Buffer.from('x-access-token:' + env.INPUT_TOKEN).toString('base64');
    console.log('::add-mask::' + basic);
    writeFileSync(file, '[http "' + env.GITHUB_SERVER_URL + '/"]\\n\\textraheader = AUTHORIZATION: basic ' + basic + '\\n', { mode: 0o600 });
    git('config', '--local', 'includeIf.gitdir:' + join(folder, '.git') + '.path', file);
    appendFileSync(env.GITHUB_STATE, 'credentials=' + file + '\\n');
  }
}
`;

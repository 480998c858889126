// Runs a package manager of the host. Its own configuration says where registries are; nothing of a workspace does.

import { spawn } from 'node:child_process';

import { errnoOf, SandboxError } from '../model/error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the manager finds its user's settings, its caches, and its way out. */
const PASSED =
  /^(?:HOME|USER|LOGNAME|LANG|LC_ALL|TMPDIR|XDG_.*|(?:https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|NPM_CONFIG_USERCONFIG|PIP_CONFIG_FILE|PIP_INDEX_URL|PIP_CERT)$/i;
/** in `ms` */
const LIMIT = 300_000;
const LONGEST = 16 * 1024 * 1024;

export interface ManagerRun {
  /** folders without any that a guest may write */
  path: string;
  environment: Environment;
  /** where it works */
  directory: string;
}

/** What it printed, and how it ended. */
export interface ManagerResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Throws `INSTALL_NO_MANAGER` where it cannot be started, or does not end within 5 minutes. */
export function runManager(
  program: string,
  args: readonly string[],
  { path, environment, directory }: ManagerRun,
): Promise<ManagerResult> {
  const passed = Object.entries(environment).filter(([name]) => PASSED.test(name));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: directory,
      env: { ...Object.fromEntries(passed), PATH: path, NO_COLOR: '1', NO_UPDATE_NOTIFIER: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const fail = (what: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(
        new SandboxError({
          kind: 'environment',
          code: 'INSTALL_NO_MANAGER',
          message: `${program} ${what}`,
          hint: `packages of tool servers are installed with ${program}`,
        }),
      );
    };
    const timer = setTimeout(() => fail(`did not end within ${LIMIT / 1000} s`), LIMIT);
    const texts = [child.stdout, child.stderr].map((stream) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < LONGEST) text += chunk;
      });
      return (): string => text;
    });
    child.once('error', (error) => fail(`cannot be started (${errnoOf(error) ?? 'unknown'})`));
    child.once('close', (code) => {
      clearTimeout(timer);
      const [stdout = '', stderr = ''] = texts.map((read) => read());
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

/** The last lines of what a manager said of its failure, for people. */
export function lastWords({ stderr, stdout }: ManagerResult): string {
  const said = stderr.trim() === '' ? stdout : stderr;
  return said
    .split('\n')
    .filter((line) => line.trim() !== '' && !/npm warn/i.test(line))
    .slice(0, 6)
    .join('\n')
    .slice(0, 2000);
}

// Inputs come from whoever wrote the workflow, or from whom that let speak in it: each is what it may be, or the step does not start.
import { describe, expect, it } from 'vitest';

import { readInputs } from '../../src/action/inputs.ts';
import { commandLine, hostEnvironment } from '../../src/action/launch.ts';
import { shellCommand } from '../../src/action/shell.ts';

const inputs = (given: Record<string, string>): ReturnType<typeof readInputs> =>
  readInputs(
    Object.fromEntries(
      Object.entries({ run: 'true', ...given }).map(([name, value]) => [
        `INPUT_${name.toUpperCase()}`,
        value,
      ]),
    ),
  );

const line = (given: Record<string, string>, environment: Record<string, string> = {}): string[] =>
  commandLine({
    inputs: inputs(given),
    policies: { root: '/p', policy: '/p/policy.yml', notices: [] },
    program: 'cli.js',
    workspace: '/w',
    directory: '/w',
    logDirectory: '/l',
    handover: '/h',
    script: '/h/script',
    environment,
  });

describe('inputs', () => {
  it('have the defaults of the contract', () => {
    expect(inputs({})).toEqual({
      run: 'true',
      shell: 'bash',
      orgPolicy: 'auto',
      image: 'host',
      engine: 'auto',
      env: [],
      failOn: 'denial',
      checkRun: true,
      uploadLog: 'always',
      token: '',
      logLevel: 'info',
    });
  });

  it.each([
    ['run', '  '],
    ['mode', 'off'],
    ['engine', 'docker'],
    ['fail-on', 'deny'],
    ['check-run', 'yes'],
    ['upload-log', 'ALWAYS'],
    ['retention-days', '0'],
    ['timeout-minutes', '1.5'],
    ['timeout-minutes', '1e3'],
    ['env', 'A=B'],
    ['env', 'A\n--policy=/x'],
    ['cpus', '1\n2'],
    ['memory', '1GiB\u0000'],
    ['log-level', 'trace'],
  ])('`%s` may not be %j', (name, value) => {
    expect(() => inputs({ [name]: value })).toThrow(`\`${name}\``);
  });

  it.each(['$(touch /tmp/x)', '`id`', "'; id #", '--mode=audit', '-- sh'])(
    'stay one argument whatever they hold: %j',
    (value) => {
      const args = line({ cpus: value, memory: value, policy: value, image: value });
      const end = args.indexOf('--');
      expect(args.slice(end)).toEqual([
        '--',
        'bash',
        '--noprofile',
        '--norc',
        '-eo',
        'pipefail',
        '/h/script',
      ]);
      expect(args.slice(0, end)).toContain(`--cpus=${value}`);
      expect(args.filter((one) => one === value)).toEqual([]);
    },
  );

  it('put no text of the script onto the command line', () => {
    expect(line({ run: 'echo --canary' }).join(' ')).not.toContain('canary');
  });
});

describe('what the guest learns of the job', () => {
  it('is the names that hold no secret, and those the workflow names', () => {
    const environment = {
      GITHUB_REPOSITORY: 'acme/app',
      GITHUB_TOKEN: 'canary',
      GITHUB_ENV: '/x',
      GITHUB_EVENT_PATH: '/x',
      ACTIONS_RUNTIME_TOKEN: 'canary',
      OTHER: 'x',
    };
    const passed = line({ env: 'OTHER' }, environment).filter((one) => one.startsWith('--env='));
    expect(passed).toEqual(['--env=GITHUB_REPOSITORY', '--env=OTHER']);
  });

  it('is on the host nothing that an earlier step could have set for the program', () => {
    const host = hostEnvironment(
      {
        INPUT_TOKEN: 't',
        STATE_x: 's',
        AGENT_SANDBOX_MODE: 'audit',
        AGENT_SANDBOX_CACHE_DIR: '/c',
        A: 'b',
      },
      't',
    );
    expect(host).toEqual({ AGENT_SANDBOX_CACHE_DIR: '/c', A: 'b', GITHUB_TOKEN: 't' });
  });
});

describe('a shell', () => {
  it.each([
    ['sh', ['sh', '-e', '/s']],
    ['python', ['python', '/s']],
    ['perl -w {0} --x={0}', ['perl', '-w', '/s', '--x=/s']],
  ])('%s is %j', (shell, expected) => expect(shellCommand(shell, '/s')).toEqual(expected));

  it.each(['zsh', 'constructor', '__proto__', 'bash -c'])(
    '%s without a place for the script is none',
    (shell) => expect(() => shellCommand(shell, '/s')).toThrow('{0}'),
  );
});

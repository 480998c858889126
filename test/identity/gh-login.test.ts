import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ghLogin, laptopActor } from '../../src/identity/gh-login.ts';

const HOSTS = `github.com:
    users:
        octocat:
            oauth_token: gho_canary
    git_protocol: https
    user: octocat
ghe.example:
    user: hubot
    oauth_token: gho_canary
`;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'gh-login-'));
  mkdirSync(join(home, '.config/gh'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

function write(text: string, folder = '.config/gh'): void {
  mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, folder, 'hosts.yml'), text);
}

describe('the actor of a laptop (CM-35)', () => {
  it('is who is logged in to gh, and never better assured than the file is', () => {
    write(HOSTS);
    expect(laptopActor(home, {})).toEqual({ login: 'octocat', assurance: 'device' });
    expect(JSON.stringify(laptopActor(home, {}))).not.toContain('canary');
  });

  it('is the user of the system without gh', () => {
    expect(laptopActor(home, {})).toMatchObject({
      login: userInfo().username,
      assurance: 'os-user',
    });
  });

  it('is read where gh keeps it', () => {
    write(HOSTS, 'own');
    expect(ghLogin(home, { GH_CONFIG_DIR: join(home, 'own') })).toBe('octocat');
    write(HOSTS, 'xdg/gh');
    expect(ghLogin(home, { XDG_CONFIG_HOME: join(home, 'xdg') })).toBe('octocat');
    expect(ghLogin(home, {})).toBeUndefined();
    write(HOSTS);
    expect(ghLogin(home, { GH_HOST: 'ghe.example' })).toBe('hubot');
    expect(ghLogin(home, { GH_HOST: 'constructor' })).toBeUndefined();
  });

  it.each([
    'github.com: {user: "octo\\ncat"}',
    'github.com: {user: [octocat]}',
    'github.com: &a {user: *a}',
    'github.com: octocat',
    '- github.com',
    ': {',
    `github.com: {user: octocat}\n#${'x'.repeat(70_000)}`,
  ])('is nobody of gh where its file is not what gh writes: %#', (text) => {
    write(text);
    expect(ghLogin(home, {})).toBeUndefined();
  });

  it('does not wait for a file that is none', () => {
    symlinkSync('/dev/tty', join(home, '.config/gh/hosts.yml'));
    expect(ghLogin(home, {})).toBeUndefined();
  });
});

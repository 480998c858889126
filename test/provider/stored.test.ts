import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import { command } from '../../src/provider/command.ts';
import { env } from '../../src/provider/env.ts';
import { file } from '../../src/provider/file.ts';
import { githubToken } from '../../src/provider/github-token.ts';
import type { MintContext, Minted, Provider } from '../../src/provider/provider.ts';
import { runCommand } from '../../src/provider/run-command.ts';
import { readSource } from '../../src/provider/source.ts';
import { faultOf } from '../support/clouds/context.ts';

const NOW = 1_800_000_000_000;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stored-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function context(request: JsonObject, more: Partial<MintContext> = {}): MintContext {
  return {
    request,
    idToken: () => Promise.reject(new Error('not to be asked')),
    http: () => Promise.reject(new Error('not to be asked')),
    home,
    sessionName: 'session-1',
    now: () => NOW,
    signal: new AbortController().signal,
    ...more,
    environment: { PATH: process.env['PATH'], ...more.environment },
  };
}

function mint(
  provider: Provider,
  request: JsonObject,
  more?: Partial<MintContext>,
): Promise<Minted> {
  return provider.mint(context(request, more));
}

async function valueOf(minted: Promise<Minted>): Promise<string> {
  const { material } = await minted;
  return material.kind === 'token' ? material.token.reveal() : '';
}

function write(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  return join(home, name);
}

/** A program of the host in shell. */
function program(name: string, script: string): string {
  const path = write(name, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('a secret of the host', () => {
  it('is taken from a variable, a file or a program, without one newline', async () => {
    const environment = { KEY: 'secret-value\n' };
    expect(await valueOf(mint(env, { name: 'KEY' }, { environment }))).toBe('secret-value');
    const path = write('key', 'secret value\r\n');
    expect(await valueOf(mint(file, { path }))).toBe('secret value');
    expect(await valueOf(mint(file, { path: '~/key' }))).toBe('secret value');
    const own = program('own', 'printf "%s\\n" "$1"');
    expect(await valueOf(mint(command, { command: [own, 'a $(b) "c"'] }))).toBe('a $(b) "c"');
  });

  it('is as wide as it was made, and lives for the ttl', async () => {
    const environment = { KEY: 'secret-value' };
    const minted = await mint(env, { name: 'KEY' }, { environment, ttl: 60_000 });
    expect(minted).toMatchObject({ granted: { unbounded: true }, notAfter: NOW + 60_000 });
    expect(minted.revocation).toBeUndefined();
    expect((await mint(env, { name: 'KEY' }, { environment })).notAfter).toBeUndefined();
    expect(JSON.stringify(minted)).not.toContain('secret-value');
  });

  const bad: [string, string, string][] = [
    ['is short', 'canary7', 'fewer than 8'],
    ['is endless', `canary${'x'.repeat(64 * 1024)}`, 'more than 65536'],
    ['has a line in it', 'canary\r\nx-evil: yes', 'line break'],
    ['has two newlines at its end', 'canary-value\n\n', 'line break'],
    ['has a NUL in it', 'canary\0value', 'NUL'],
    ['is not ASCII', 'canary-välue', 'visible ASCII'],
    ['has a tab in it', 'canary\tvalue', 'visible ASCII'],
    ['begins with a blank', ' canary-value', 'blank at an end'],
    ['ends with a blank', 'canary-value ', 'blank at an end'],
  ];
  it.each(bad)('is refused with the reason when it %s', async (_, value, reason) => {
    for (const provider of [env, githubToken]) {
      const request = provider === env ? { name: 'KEY' } : { env: 'KEY' };
      const fault = await faultOf(mint(provider, request, { environment: { KEY: value } }));
      expect(fault.code).toBe('PROVIDER_SOURCE');
      expect(fault.text).toContain(reason);
      expect(fault.text).toContain('KEY');
      expect(fault.text).not.toContain('canary');
    }
  });

  it('that is not there is named', async () => {
    const missing = [
      mint(env, { name: 'KEY' }),
      mint(env, { name: 'KEY' }, { environment: { KEY: '' } }),
      mint(githubToken, {}),
      mint(file, { path: join(home, 'none') }),
      mint(file, { path: home }),
      mint(command, { command: ['no-such-program-here'] }),
    ];
    const words = [
      'variable KEY',
      'variable KEY',
      'GITHUB_TOKEN',
      'ENOENT',
      'no regular',
      'ENOENT',
    ];
    for (const [at, minted] of missing.entries()) {
      const fault = await faultOf(minted);
      expect(fault.code).toBe('PROVIDER_SOURCE');
      expect(fault.text).toContain(words[at]);
    }
  });
});

describe("the job's token", () => {
  it('stays wide, is never revoked, and is found in the audit log', async () => {
    const environment = { GITHUB_TOKEN: 'ghs_the_token_of_the_job' };
    const minted = await mint(githubToken, {}, { environment });
    expect(minted).toMatchObject({
      requested: { env: 'GITHUB_TOKEN' },
      granted: { unbounded: true },
    });
    expect(minted.revocation).toBeUndefined();
    const hash = execFileSync('openssl', ['dgst', '-sha256', '-binary'], {
      input: 'ghs_the_token_of_the_job',
    });
    expect(minted.correlation).toEqual({ tokenSha256: hash.toString('base64') }); // CM-34
  });
});

describe('a file', () => {
  it('is named by an absolute path', async () => {
    for (const path of ['key', './key', '../key', '~other/key'])
      expect((await faultOf(mint(file, { path }))).code).toBe('PROVIDER_REQUEST');
  });

  it('is not waited for when it is a pipe, and not read when it is too long', async () => {
    const pipe = join(home, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect((await faultOf(mint(file, { path: pipe }))).text).toContain('no regular file');
    const path = write('long', 'x'.repeat(70_000));
    expect((await faultOf(mint(file, { path }))).text).toContain('more than 65536 bytes');
  });
});

describe('a program', () => {
  it('gets a small environment, no input and no folder of ours', async () => {
    const environment = { HOME: home, GITHUB_TOKEN: 'canary', ACTIONS_RUNTIME_TOKEN: 'canary' };
    const own = program('own', 'cat; pwd; env > "$HOME/seen"; printf long-enough');
    const minted = await valueOf(mint(command, { command: [own] }, { environment })).catch(String);
    expect(minted).toContain('line break'); // of `pwd`
    const seen = readFileSync(join(home, 'seen'), 'utf8');
    expect(seen).toContain(`HOME=${home}`);
    expect(seen).toContain('PWD=/\n');
    expect(seen).not.toContain('canary');
  });

  it.each([
    ['fails', 'printf canary-value; exit 3', 'ended with 3'],
    ['is killed', 'printf canary-value; kill -9 $$', 'ended with SIGKILL'],
    ['says too much', 'head -c 70000 /dev/zero', 'more than 65536 bytes'],
    ['says nothing', 'echo canary-value >&2', 'fewer than 8'],
  ])('that %s gives no secret, and is not quoted', async (_, script, reason) => {
    const fault = await faultOf(mint(command, { command: [program('own', script)] }));
    expect(fault.code).toBe('PROVIDER_SOURCE');
    expect(fault.text).toContain(reason);
    expect(fault.text).not.toContain('canary');
  });

  it('that does not end is ended, with all it started', async () => {
    const own = program(
      'own',
      `(sleep 60; touch "${home}/late") & echo $! > "${home}/pid"; sleep 60`,
    );
    const { signal } = new AbortController();
    const fault = await faultOf(
      runCommand([own], { environment: process.env, signal, limit: 500 }),
    );
    expect(fault.text).toContain('did not end within 0.5 s');
    expect(await isGone(Number(readFileSync(join(home, 'pid'), 'utf8')))).toBe(true);
  });

  it('that has ended while what it started still writes is not waited for', async () => {
    const own = program('own', 'sleep 60 & printf long-enough');
    const { signal } = new AbortController();
    const fault = await faultOf(
      runCommand([own], { environment: process.env, signal, limit: 500 }),
    );
    expect(fault.text).toContain('did not end');
  });

  it('is ended with the session', async () => {
    const over = new AbortController();
    const running = runCommand(['sleep', '60'], { environment: process.env, signal: over.signal });
    setTimeout(() => over.abort(), 50);
    expect((await faultOf(running)).text).toContain('the session is over');
  });

  it('is not looked for in the folder of the session', async () => {
    mkdirSync(join(home, 'sub'));
    for (const own of ['./own', 'sub/own', ''])
      expect((await faultOf(mint(command, { command: [own] }))).code).toBe('PROVIDER_REQUEST');
    expect((await faultOf(mint(command, { command: [] }))).code).toBe('PROVIDER_REQUEST');
  });
});

describe('a source', () => {
  it('is exactly one place', async () => {
    const host = context({});
    for (const source of [
      undefined,
      null,
      [],
      {},
      'KEY',
      { env: 'A', file: '/b' },
      { url: 'x' },
      { env: 1 },
    ])
      expect((await faultOf(readSource(source, host))).code).toBe('PROVIDER_REQUEST');
  });
});

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0];
      if (state === 'Z') return true;
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}

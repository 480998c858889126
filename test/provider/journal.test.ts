import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { lifeOf, ownMark } from '../../src/engine/process.ts';
import { type Entry, type Journal, openJournal } from '../../src/provider/journal.ts';
import type { Revocation } from '../../src/provider/provider.ts';
import { revoke } from '../../src/provider/revoke.ts';
import { startCloud } from '../support/clouds/cloud.ts';
import { faultOf } from '../support/clouds/context.ts';
import { createGithub } from '../support/clouds/github.ts';
import { createRandom } from '../support/random.ts';

const NOW = 1_800_000_000_000;
const DAY = 24 * 3_600_000;
let base: string;
let directory: string;
let notices: string[];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'journal-'));
  directory = join(base, 'live');
  notices = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function open(mark: string, now = NOW): Journal {
  return openJournal({
    directory,
    mark,
    now: () => now,
    onNotice: (message) => notices.push(message),
  });
}

function entry(name: string): Entry {
  const url = `https://api.example/${name}`;
  const headers = { authorization: `Bearer ${name}` };
  return {
    id: 'gh',
    notAfter: NOW + 3_600_000,
    revocations: [{ method: 'DELETE', url, headers, done: [204] }],
  };
}

const nobody = (): boolean => false;

describe('the journal', () => {
  it('keeps a credential where nobody else can read it, until it is removed', () => {
    const journal = open('1-2-3');
    const kept = journal.add(entry('one'));
    const [name = ''] = readdirSync(directory);
    expect(name).toMatch(/^1-2-3\.[0-9a-f]{32}\.json$/);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, name), 'utf8')).toContain('Bearer one');
    kept.remove();
    expect(readdirSync(directory)).toEqual([]);
    kept.remove();
  });

  it('revokes what dead processes left, and nothing of the living or its own', async () => {
    open('1-1-1').add(entry('dead'));
    open('2-2-2').add(entry('alive'));
    const own = open('3-3-3');
    own.add(entry('own'));
    const sent: string[] = [];
    const swept = await own.sweep(
      (mark) => mark === '2-2-2',
      ({ url }) => Promise.resolve((sent.push(url), 'revoked')),
    );
    expect(sent).toEqual(['https://api.example/dead']);
    expect(swept).toEqual({ revoked: 1, failed: 0, dropped: 0 });
    expect(readdirSync(directory).map((name) => name.slice(0, 5))).toEqual(['2-2-2', '3-3-3']);
    expect(notices).toEqual([]);
  });

  it('keeps what could not be revoked for the next time, until a day after its end', async () => {
    open('1-1-1').add(entry('one'));
    const fails = (): Promise<'failed'> => Promise.resolve('failed');
    const swept = await open('2-2-2').sweep(nobody, fails);
    expect(swept).toEqual({ revoked: 0, failed: 1, dropped: 0 });
    expect(notices).toHaveLength(1);
    expect(notices[0]).not.toContain('Bearer');
    const late = await open('3-3-3', NOW + 3_600_000 + DAY).sweep(nobody, fails);
    expect(late).toEqual({ revoked: 0, failed: 1, dropped: 0 });
    const over = await open('4-4-4', NOW + 3_600_001 + DAY).sweep(nobody, fails);
    expect(over).toEqual({ revoked: 0, failed: 0, dropped: 1 });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('keeps a credential without an end for as long as it takes', async () => {
    const { id, revocations } = entry('one');
    open('1-1-1').add({ id, revocations });
    const fails = (): Promise<'failed'> => Promise.resolve('failed');
    expect((await open('2-2-2', NOW + 900 * DAY).sweep(nobody, fails)).failed).toBe(1);
    const swept = await open('3-3-3').sweep(nobody, () => Promise.resolve('revoked'));
    expect(swept.revoked).toBe(1);
  });

  it('revokes each once when many sweep at a time', async () => {
    const dead = open('1-1-1');
    for (let at = 0; at < 50; at++) dead.add(entry(String(at)));
    const sent: string[] = [];
    const revokeSlowly = async ({ url }: Revocation): Promise<'revoked'> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      sent.push(url);
      return 'revoked';
    };
    const sweepers = Array.from({ length: 8 }, (_, at) => open(`9-9-${at}`));
    const isAlive = (mark: string): boolean => mark.startsWith('9-9-');
    const swept = await Promise.all(sweepers.map((one) => one.sweep(isAlive, revokeSlowly)));
    expect(swept.reduce((sum, { revoked }) => sum + revoked, 0)).toBe(50);
    expect(new Set(sent).size).toBe(50);
    expect(sent).toHaveLength(50);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over from a sweeper that died at it', async () => {
    open('1-1-1').add(entry('one'));
    const broken = open('2-2-2').sweep(nobody, () => Promise.reject(new Error('killed')));
    await expect(broken).rejects.toThrow('killed');
    expect(readdirSync(directory)[0]).toMatch(/\.json\.2-2-2$/);
    const waits = await open('3-3-3').sweep(
      (mark) => mark === '2-2-2',
      () => Promise.resolve('revoked'),
    );
    expect(waits.revoked).toBe(0);
    const swept = await open('3-3-3').sweep(nobody, () => Promise.resolve('revoked'));
    expect(swept.revoked).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('removes what was not written to its end, and touches no other file', async () => {
    const journal = open('2-2-2');
    writeFileSync(join(directory, `1-1-1.${'a'.repeat(32)}.part`), '{"version":1');
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    mkdirSync(join(directory, 'folder'));
    await journal.sweep(nobody, () => Promise.resolve('revoked'));
    expect(readdirSync(directory).sort()).toEqual(['folder', 'notes.txt']);
  });

  it('sets aside what is no entry, with a notice and without a request', async () => {
    const journal = open('2-2-2');
    const good = JSON.stringify({ version: 1, ...entry('x') });
    const name = (at: number): string =>
      join(directory, `1-1-1.${String(at).padStart(32, '0')}.json`);
    const texts = [
      '',
      '{',
      'null',
      '[]',
      good.replace('"version":1', '"version":2'),
      good.replace('DELETE', 'PATCH'),
      good.replace('https:', 'file:'),
      good.replace('[204]', '["204"]'),
      good.replace('"gh"', '"g\\nh"'),
      good.replace('"authorization":"Bearer x"', '"authorization":1'),
      good.replace(/"revocations":.*/, '"revocations":[]}'),
      'x'.repeat(2 * 1024 * 1024),
    ];
    for (const [at, text] of texts.entries()) writeFileSync(name(at), text);
    mkdirSync(name(90));
    writeFileSync(join(base, 'else'), good);
    symlinkSync(join(base, 'else'), name(91));
    let requests = 0;
    const swept = await journal.sweep(nobody, () => Promise.resolve((requests++, 'revoked')));
    expect(swept).toEqual({ revoked: 0, failed: 0, dropped: 0 });
    expect(requests).toBe(0);
    expect(readdirSync(directory).every((found) => found.endsWith('.garbled'))).toBe(true);
    expect(notices).toHaveLength(texts.length + 2);
    await journal.sweep(nobody, () => Promise.resolve('revoked'));
    expect(notices).toHaveLength(texts.length + 2);
  });

  it('survives any change of a file', async () => {
    const random = createRandom('journal');
    const journal = open('2-2-2');
    const good = Buffer.from(JSON.stringify({ version: 1, ...entry('canary') }));
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(good);
      for (let count = 1 + random.below(4); count > 0; count--)
        bytes[random.below(bytes.length)] = random.below(256);
      const cut = random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
      writeFileSync(join(directory, `1-1-1.${String(round).padStart(32, '0')}.json`), cut);
    }
    await journal.sweep(nobody, ({ url, headers, done }) => {
      expect(url).toMatch(/^https?:\/\//);
      expect(Object.values(headers).every((value) => typeof value === 'string')).toBe(true);
      expect(done.every(Number.isInteger)).toBe(true);
      return Promise.resolve('revoked');
    });
    expect(notices.join()).not.toContain('canary');
    expect(readdirSync(directory).every((found) => found.endsWith('.garbled'))).toBe(true);
  });

  it('is kept in a directory of its own, or not at all', async () => {
    mkdirSync(directory, { mode: 0o777 });
    chmodSync(directory, 0o777);
    open('1-1-1');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    rmSync(directory, { recursive: true });
    mkdirSync(join(base, 'other'));
    symlinkSync(join(base, 'other'), directory);
    const opened = Promise.resolve().then(() => open('1-1-1'));
    expect((await faultOf(opened)).code).toBe('PROVIDER_JOURNAL');
  });

  it('fails where it cannot write, so that nothing is used', async () => {
    const journal = open('1-1-1');
    rmSync(directory, { recursive: true });
    const added = Promise.resolve().then(() => journal.add(entry('one')));
    expect((await faultOf(added)).code).toBe('PROVIDER_JOURNAL');
  });

  it('takes no entry that a sweep could not read', async () => {
    const journal = open('1-1-1');
    for (const bad of [
      { ...entry('x'), revocations: [] },
      { ...entry('x'), id: 'a\nb' },
    ])
      expect((await faultOf(Promise.resolve().then(() => journal.add(bad)))).code).toBe(
        'PROVIDER_JOURNAL',
      );
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('revoking', () => {
  const one = entry('x').revocations[0] as Revocation;

  it('tries three times, and believes only the statuses that mean it', async () => {
    const statuses = [500, 404, 204];
    const http = (): Promise<never> =>
      Promise.resolve({ status: statuses.shift(), headers: {}, body: '' } as never);
    expect(await revoke(one, http, [1, 1])).toBe('revoked');
    statuses.push(200, 202, 302, 204);
    expect(await revoke(one, http, [1, 1])).toBe('failed');
    expect(statuses).toEqual([204]);
  });

  it('takes a server out of reach for no', async () => {
    let tries = 0;
    const http = (): Promise<never> => Promise.reject(new Error(`try ${++tries}`));
    expect(await revoke(one, http, [1, 1])).toBe('failed');
    expect(tries).toBe(3);
  });
});

describe('a process that is killed between minting and use', () => {
  it('leaves a token that the next start revokes', async () => {
    const github = createGithub();
    const cloud = await startCloud(github);
    const child = await startMinting({
      port: cloud.port,
      ca: cloud.ca,
      key: github.key,
      directory,
    });
    running.add(child);
    expect(github.live.size).toBe(1);
    const isAlive = (mark: string): boolean => lifeOf(mark) !== 'gone';
    const next = open(ownMark(), Date.now());
    const send = (revocation: Revocation): Promise<'revoked' | 'failed'> =>
      revoke(revocation, cloud.http);
    expect((await next.sweep(isAlive, send)).revoked).toBe(0); // it lives
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(await next.sweep(isAlive, send)).toEqual({ revoked: 1, failed: 0, dropped: 0 });
    expect(github.live.size).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
    await cloud.close();
  });
});

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** Running, with its credential in the journal. */
async function startMinting(options: object): Promise<ChildProcess> {
  const file = join(base, 'minting.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../support/clouds/minting-process.ts', import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const child = spawn(process.execPath, [file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  return child;
}

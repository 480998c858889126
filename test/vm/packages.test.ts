// Package managers against registries that rules name: the index judged request by request, the archives from a host whose
// connections pass through unread, as it is with the registries of the world.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { runOffline } from '../support/offline.ts';
import { createDebianRepository, createNpmRegistry, createPipIndex } from '../support/packages.ts';

const INDEX = 'registry.example.com';
const FILES = 'files.example.com';
const POLICY = `version: 1
network:
  allow:
    - {id: npm-index, host: ${INDEX}, methods: [GET], paths: ["/npm/tiny-npm"]}
    - {id: pip-index, host: ${INDEX}, methods: [GET], paths: ["/simple/tiny-pip/"]}
    - {id: apt-index, host: ${INDEX}, methods: [GET], paths: ["/debian/*"]}
    - {host: ${FILES}}
  deny:
    - {id: no-secrets, host: ${INDEX}, methods: [GET], paths: ["/debian/secret*"]}
`;
const NPM = `npm install --no-audit --no-fund --loglevel=error --fetch-retries=0 --registry https://${INDEX}/npm/`;
const PIP = `/usr/bin/python3 -m pip install --disable-pip-version-check --retries 0 --no-cache-dir --target pip --index-url https://${INDEX}/simple/`;
const APT = [
  'Dir::State=$PWD/apt/state',
  'Dir::Cache=$PWD/apt/cache',
  'Dir::Etc::sourcelist=$PWD/apt/sources.list',
  'Dir::Etc::sourceparts=-',
  'Acquire::Languages=none',
].map((option) => `-o ${option}`);
/** In the guest: `show NAME COMMAND...` keeps what a command says, and how it ended. */
const GUEST = [
  'show() { name=$1; shift; "$@" > $name.out 2>&1; echo "exit $?" >> $name.out; }',
  `show npm ${NPM} tiny-npm`,
  `show npm-denied ${NPM} secret-npm`,
  `show pip ${PIP} tiny-pip`,
  `show pip-denied ${PIP} https://${INDEX}/wheels/secret_pip-1.0-py3-none-any.whl`,
  'mkdir -p apt/state/lists/partial apt/cache/archives/partial',
  `echo "deb [trusted=yes] https://${INDEX}/debian ./" > apt/sources.list`,
  `show apt-update apt-get ${APT.join(' ')} update`,
  `show apt apt-get ${APT.join(' ')} download tiny-apt`,
  `show apt-denied apt-get ${APT.join(' ')} download secret-apt`,
].join('\n');
/** Package managers read hundreds of files before their first word; in an emulated machine beside another that takes minutes. */
const SLOW = 900_000;
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let heard = '';
let denied: (string | undefined)[] = [];

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  const folder = join(rig.root, 'registries');
  mkdirSync(folder);
  createNpmRegistry(folder, `https://${FILES}`);
  createPipIndex(folder, `https://${FILES}`);
  createDebianRepository(folder, 'secret-apt');
  rig.write('package.json', '{"name":"app","version":"1.0.0"}');
  ({ heard } = await runOffline(rig, {
    hosts: [INDEX, FILES],
    origin: 'packages-origin.mjs',
    folder,
    policy: POLICY,
    guest: GUEST,
  }));
  denied = rig.denials().map(({ request }) => request);
}, SLOW);
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

const output = (name: string): string => rig.read(`${name}.out`);

describe('npm', () => {
  it('installs from a judged index and unjudged archives', () => {
    expect(output('npm')).toContain('exit 0');
    expect(rig.read('node_modules/tiny-npm/index.js')).toContain('tiny-npm works');
    expect(heard).toContain(`GET ${INDEX}/npm/tiny-npm`);
    expect(heard).toContain(`GET ${FILES}/npm/tiny-npm-1.2.3.tgz`);
  });

  it('says which rule denied a package', () => {
    expect(output('npm-denied')).toMatch(/403.*agent-sandbox rule builtin\/default/);
    expect(output('npm-denied')).not.toContain('exit 0');
    expect(denied).toContain(`GET https://${INDEX}/npm/secret-npm`);
    expect(heard).not.toContain('secret-npm');
  });
});

describe('pip', () => {
  it('installs from a judged index and unjudged archives', () => {
    expect(output('pip')).toContain('exit 0');
    expect(rig.read('pip/tiny_pip.py')).toContain('tiny-pip works');
    expect(heard).toContain(`GET ${INDEX}/simple/tiny-pip/`);
    expect(heard).toContain(`GET ${FILES}/wheels/tiny_pip-1.2.3-py3-none-any.whl`);
  });

  it('says which rule denied a package', () => {
    expect(output('pip-denied')).toMatch(/403.*agent-sandbox rule builtin\/default/);
    expect(output('pip-denied')).not.toContain('exit 0');
    expect(denied).toContain(`GET https://${INDEX}/wheels/secret_pip-1.0-py3-none-any.whl`);
    expect(heard).not.toContain('secret_pip');
  });
});

describe('apt', () => {
  it('updates and downloads where a rule allows it', () => {
    expect(output('apt-update')).toContain('exit 0');
    expect(output('apt')).toContain('exit 0');
    expect(rig.read('tiny-apt_1.2.3_all.deb').length).toBeGreaterThan(0);
  });

  it('says which rule denied a package', () => {
    expect(output('apt-denied')).toMatch(
      /403.*agent-sandbox rule repo\/no-secrets at .*policy.yml:9/,
    );
    expect(output('apt-denied')).not.toContain('exit 0');
    expect(heard).not.toContain('secret');
  });
});

// Packages for tool servers, from the registry that the host's npm is configured for.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Installed } from '../../src/install/installed.ts';
import { installNpm } from '../../src/install/npm.ts';
import { readPackageSpec } from '../../src/install/package-spec.ts';
import { digestOfTree } from '../../src/install/tree.ts';

const spec = { manager: 'npm' as const, name: 'semver', version: '7.7.2', args: [] };
let packages: string;
let said: string[] = [];
const options = (): Parameters<typeof installNpm>[1] => ({
  packages,
  path: process.env['PATH'] ?? '',
  environment: process.env,
  onProgress: (line) => said.push(line),
});

describe('a package of npm', () => {
  let first: Installed;
  beforeAll(async () => {
    packages = mkdtempSync(join(tmpdir(), 'packages-'));
    first = await installNpm(spec, options());
  });
  afterAll(() => rmSync(packages, { recursive: true, force: true }));

  it('is installed under the digest of all its parts, and its program is found', () => {
    const { directory, command, tree } = first;
    expect(directory).toBe(join(packages, digestOfTree(tree).slice(7)));
    expect(tree.parts).toEqual([
      {
        path: 'node_modules/semver',
        name: 'semver',
        version: '7.7.2',
        integrity: expect.stringMatching(/^sha512-/) as string,
      },
    ]);
    expect(command).toEqual(['node', join(directory, 'node_modules/semver/bin/semver.js')]);
    expect(existsSync(command[1] ?? '')).toBe(true);
    expect(readdirSync(packages)).toEqual([digestOfTree(tree).slice(7)]);
  });

  it('is not installed again where it is locked and there', async () => {
    said = [];
    const again = await installNpm(spec, { ...options(), locked: first.tree });
    expect(again).toEqual(first);
    expect(said).toEqual([]);
  });

  it('is installed from its lock, part by part', async () => {
    rmSync(first.directory, { recursive: true });
    expect(await installNpm(spec, { ...options(), locked: first.tree })).toEqual(first);
  });

  it('is refused where a part is not the one that is locked', async () => {
    const [part] = first.tree.parts;
    const wrong = { ...first.tree, parts: [{ ...part!, integrity: `sha512-${'A'.repeat(86)}==` }] };
    await expect(installNpm(spec, { ...options(), locked: wrong })).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
      message: expect.stringContaining('EINTEGRITY') as string,
    });
    expect(readdirSync(packages)).toHaveLength(1);
  });

  it('runs nothing of the package, and reads no settings of the folder it was asked in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'workspace-'));
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(
      join(own, 'package.json'),
      JSON.stringify({
        name: 'own',
        version: '1.0.0',
        bin: 'a.js',
        scripts: { install: `touch ${folder}/ran` },
      }),
    );
    writeFileSync(join(own, 'a.js'), '');
    writeFileSync(join(folder, '.npmrc'), 'registry=http://127.0.0.1:9/\n');
    const before = process.cwd();
    process.chdir(folder);
    try {
      rmSync(first.directory, { recursive: true });
      expect(await installNpm(spec, options())).toEqual(first);
      // A folder is no package of a registry: it comes without a digest.
      await expect(
        installNpm({ ...spec, name: 'own', version: `file:${own}` }, options()),
      ).rejects.toMatchObject({
        code: 'INSTALL_NO_DIGEST',
      });
      expect(existsSync(join(folder, 'ran'))).toBe(false);
    } finally {
      process.chdir(before);
      rmSync(folder, { recursive: true });
    }
  });

  it('says what npm said when there is no such version', async () => {
    await expect(installNpm({ ...spec, version: '0.0.99999' }, options())).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
      message: expect.stringMatching(
        /could not install semver@0\.0\.99999:\n.*(ETARGET|No matching)/s,
      ) as string,
    });
  });

  it('has no host name of a registry in what is locked', () => {
    expect(JSON.stringify(first.tree)).not.toMatch(/https?:/);
    expect(readFileSync(join(first.directory, 'package.json'), 'utf8')).not.toMatch(/https?:/);
  });
});

describe('a command that fetches a package', () => {
  it.each([
    [
      ['npx', '-y', '@scope/name@1.2.3', '.'],
      { manager: 'npm', name: '@scope/name', version: '1.2.3', args: ['.'] },
    ],
    [
      ['npx', 'name@1.2.3-rc.1', '-y'],
      { manager: 'npm', name: 'name', version: '1.2.3-rc.1', args: ['-y'] },
    ],
    [
      ['uvx', 'mcp-server-git==2025.1.14', '--x'],
      { manager: 'pip', name: 'mcp-server-git', version: '2025.1.14', args: ['--x'] },
    ],
    [['uvx', 'name@1.0'], { manager: 'pip', name: 'name', version: '1.0', args: [] }],
  ])('%j is read', (command, spec) => {
    expect(readPackageSpec(command)).toEqual({ kind: 'package', spec });
  });

  it.each([
    ['npx', 'name'],
    ['npx', '-y', '@scope/name'],
    ['npx', 'name@latest'],
    ['npx', 'name@^1.2.3'],
    ['npx', '--registry=http://registry.example.com', 'name@1.2.3'],
    ['npx', '-p', 'a@1.2.3', 'b'],
    ['npx', 'git+https://example.com/a.git'],
    ['npx', './here@1.2.3'],
    ['npx'],
    ['uvx', 'name'],
    ['uvx', 'name>=1'],
    ['uvx', '--from', 'a==1', 'b'],
  ])('%s %s %s is refused', (...command) => {
    expect(readPackageSpec(command.filter((word) => word !== undefined))).toMatchObject({
      kind: 'fault',
    });
  });

  it('is told from every other', () => {
    expect(readPackageSpec(['node', 'server.js'])).toEqual({ kind: 'plain' });
    expect(readPackageSpec(['/usr/bin/npx', 'a@1.2.3'])).toEqual({ kind: 'plain' });
  });
});

// Packages of Python, from a folder that pip is configured for in the place of an index.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Installed } from '../../src/install/installed.ts';
import { installPip } from '../../src/install/pip.ts';

const spec = { manager: 'pip' as const, name: 'hello-server', version: '1.2.0', args: [] };
/** A wheel is a zip of modules and of what is said about them: PEP 427. */
const WHEEL = `
import sys, zipfile, os
folder, name, version, needs = sys.argv[1:]
info = f'{name}-{version}.dist-info'
with zipfile.ZipFile(os.path.join(folder, f'{name}-{version}-py3-none-any.whl'), 'w') as wheel:
    wheel.writestr(f'{name}.py', f'def main():\\n    print("{name} {version}")\\n')
    wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: {name.replace("_", "-")}\\nVersion: {version}\\n' + (f'Requires-Dist: {needs}\\n' if needs else ''))
    wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(f'{info}/entry_points.txt', f'[console_scripts]\\n{name.replace("_", "-")} = {name}:main\\n')
    wheel.writestr(f'{info}/RECORD', '')
`;
let packages: string;
let index: string;
let first: Installed;
const options = (): Parameters<typeof installPip>[1] => ({
  packages,
  path: process.env['PATH'] ?? '',
  environment: { ...process.env, PIP_CONFIG_FILE: join(index, 'pip.conf') },
  onProgress: () => undefined,
});

describe('a package of Python', () => {
  beforeAll(async () => {
    packages = mkdtempSync(join(tmpdir(), 'packages-'));
    index = mkdtempSync(join(tmpdir(), 'index-'));
    for (const wheel of [
      ['hello_server', '1.2.0', 'needed>=2'],
      ['needed', '2.0.1', ''],
      ['needed', '1.0.0', ''],
    ])
      execFileSync('python3', ['-c', WHEEL, index, ...wheel]);
    writeFileSync(join(index, 'pip.conf'), `[global]\nno-index = true\nfind-links = ${index}\n`);
    first = await installPip(spec, options());
  });
  afterAll(() => {
    for (const folder of [packages, index]) rmSync(folder, { recursive: true, force: true });
  });

  it('is installed with the digests of its wheels, and runs', () => {
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string;
    expect(first.tree.parts).toEqual([
      {
        path: 'hello_server-1.2.0-py3-none-any.whl',
        name: 'hello-server',
        version: '1.2.0',
        integrity: digest,
      },
      {
        path: 'needed-2.0.1-py3-none-any.whl',
        name: 'needed',
        version: '2.0.1',
        integrity: digest,
      },
    ]);
    const [program = '', ...args] = first.command;
    const out = execFileSync(program, args, {
      env: { PATH: process.env['PATH'], ...first.environment },
    });
    expect(out.toString()).toBe('hello_server 1.2.0\n');
  });

  it('is installed from its lock, and refused where a wheel is not the one that is locked', async () => {
    rmSync(first.directory, { recursive: true });
    expect(await installPip(spec, { ...options(), locked: first.tree })).toEqual(first);
    const [part] = first.tree.parts;
    const wrong = { ...first.tree, parts: [{ ...part!, integrity: `sha256:${'0'.repeat(64)}` }] };
    await expect(installPip(spec, { ...options(), locked: wrong })).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
      message: expect.stringMatching(/HASH/i) as string,
    });
  });
});

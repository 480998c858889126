// Package registries of one small package each, as files below a folder that any web server can serve: npm, pip, apt.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes files below `folder`; `base`: URL where archives are to be fetched from. */
export function createNpmRegistry(folder: string, base: string): void {
  const [name, version] = ['tiny-npm', '1.2.3'];
  const file = `${name}-${version}.tgz`;
  const source = write(join(folder, 'npm-source'), {
    'package/package.json': JSON.stringify({ name, version, main: 'index.js' }),
    'package/index.js': 'module.exports = "tiny-npm works";\n',
  });
  mkdirSync(join(folder, 'npm'), { recursive: true });
  execFileSync('tar', ['czf', join(folder, 'npm', file), '-C', source, 'package']);
  const integrity = `sha512-${digest('sha512', join(folder, 'npm', file), 'base64')}`;
  const dist = { tarball: `${base}/npm/${file}`, integrity };
  const versions = { [version]: { name, version, main: 'index.js', dist } };
  const tags = { 'dist-tags': { latest: version } };
  write(join(folder, 'npm'), { [`${name}.json`]: JSON.stringify({ name, ...tags, versions }) });
}

/** The simple index of PEP 503, with one wheel. */
export function createPipIndex(folder: string, base: string): void {
  const stem = 'tiny_pip-1.2.3';
  const info = `${stem}.dist-info`;
  const source = write(join(folder, 'pip-source'), {
    'tiny_pip.py': 'print("tiny-pip works")\n',
    [`${info}/METADATA`]: 'Metadata-Version: 2.1\nName: tiny-pip\nVersion: 1.2.3\n',
    [`${info}/WHEEL`]:
      'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: `tiny_pip.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
  });
  const wheel = `${stem}-py3-none-any.whl`;
  const zip = join(source, 'wheel.zip');
  execFileSync('/usr/bin/python3', ['-m', 'zipfile', '-c', zip, 'tiny_pip.py', info], {
    cwd: source,
  });
  mkdirSync(join(folder, 'wheels'), { recursive: true });
  renameSync(zip, join(folder, 'wheels', wheel));
  const hash = digest('sha256', join(folder, 'wheels', wheel), 'hex');
  const link = `<a href="${base}/wheels/${wheel}#sha256=${hash}">${wheel}</a>`;
  write(join(folder, 'simple/tiny-pip'), { 'index.html': `<!DOCTYPE html><body>${link}</body>` });
}

/** A flat repository of Debian's, with one package, and one that only the index knows. */
export function createDebianRepository(folder: string, missing: string): void {
  const control = [
    'Package: tiny-apt',
    'Version: 1.2.3',
    'Architecture: all',
    'Maintainer: Nobody <nobody@example.com>',
    'Description: one file',
  ].join('\n');
  const source = write(join(folder, 'apt-source'), {
    'DEBIAN/control': `${control}\n`,
    'usr/share/tiny-apt': 'tiny-apt works\n',
  });
  mkdirSync(join(folder, 'debian'), { recursive: true });
  const file = join(folder, 'debian/tiny-apt_1.2.3_all.deb');
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', source, file], { stdio: 'ignore' });
  const facts = [
    control,
    'Filename: ./tiny-apt_1.2.3_all.deb',
    `Size: ${readFileSync(file).length}`,
    `SHA256: ${digest('sha256', file, 'hex')}`,
  ];
  const text = facts.join('\n');
  const packages = `${text}\n\n${text.replaceAll('tiny-apt', missing)}\n`;
  write(join(folder, 'debian'), { Packages: packages });
}

function write(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function digest(algorithm: string, file: string, encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(readFileSync(file)).digest(encoding);
}

// The files that are worked on: made once, copied for each guest.

import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { must } from './program.ts';

const PER_FOLDER = 100;
const BIG = 128 * 1024 * 1024;
const MODULES = 60;

/** A folder with everything that `workload.sh` needs. */
export function makeTemplate(folder: string, files: number): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'big.bin'), Buffer.alloc(BIG, 'agent-sandbox'));
  makeFiles(join(folder, 'small'), files);
  makeFiles(join(folder, 'git'), files);
  const git = (...args: string[]): string =>
    must('git', [
      '-C',
      join(folder, 'git'),
      '-c',
      'user.name=bench',
      '-c',
      'user.email=bench@example.com',
      ...args,
    ]);
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'many small files');
  makeFiles(join(folder, 'packed'), files / 2);
  must('tar', ['-cf', 'small.tar', '--remove-files', 'packed'], { cwd: folder });
  makeProject(join(folder, 'ts'));
  cpSync(join(import.meta.dirname, 'workload.sh'), join(folder, 'workload.sh'));
}

/** A copy for one guest, with a git index that is true for the copy. */
export function copyTemplate(template: string, folder: string): void {
  must('cp', ['-a', template, folder]);
  must('git', ['-C', join(folder, 'git'), 'update-index', '--refresh', '-q']);
  must('sync', []);
}

function makeFiles(folder: string, count: number): void {
  for (let index = 0; index < count; index++) {
    if (index % PER_FOLDER === 0)
      mkdirSync(join(folder, `d${index / PER_FOLDER}`), { recursive: true });
    writeFileSync(
      join(folder, `d${Math.floor(index / PER_FOLDER)}`, `f${index}.txt`),
      `${String(index).padStart(9)} `.repeat(50),
    );
  }
}

/** Some modules that import one another, and the compiler in node_modules. */
function makeProject(folder: string): void {
  const compiler = join(import.meta.dirname, '../node_modules/typescript');
  if (!existsSync(compiler)) throw new Error('typescript is not installed');
  mkdirSync(join(folder, 'src'), { recursive: true });
  // The compiler and the declarations it reads, without the language server beside it.
  const target = join(folder, 'node_modules/typescript');
  mkdirSync(join(target, 'lib'), { recursive: true });
  cpSync(join(compiler, 'package.json'), join(target, 'package.json'));
  for (const name of readdirSync(join(compiler, 'lib'))) {
    if (/^_?tsc\.js$|^lib\..*d\.ts$/.test(name))
      cpSync(join(compiler, 'lib', name), join(target, 'lib', name));
  }
  const options = {
    target: 'es2022',
    lib: ['es2022'],
    module: 'nodenext',
    strict: true,
    types: [],
    outDir: 'out',
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['src'] }),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'bench', type: 'module' }));
  for (let index = 0; index < MODULES; index++) {
    const before =
      index === 0
        ? 'export interface Shape0 { id: number }'
        : `import { Shape${index - 1} } from './m${index - 1}.js';`;
    const shape =
      index === 0
        ? ''
        : `export interface Shape${index} extends Shape${index - 1} { name${index}: string }`;
    const code = `export function make${index}(list: Shape${index}[]): Map<number, Shape${index}> {\n  return new Map(list.map((item) => [item.id, item]));\n}\n`;
    writeFileSync(join(folder, 'src', `m${index}.ts`), `${before}\n${shape}\n${code}`);
  }
}

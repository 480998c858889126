// Bundles each entry into dist/, so that a start reads one file instead of hundreds; and beside them the libraries that few starts
// want, each in a file of its own. Nothing is left outside: GitHub takes an action as it lies in the repository, without dependencies.
import { build } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Imported where they are needed, by sessions with credentials or by what is uploaded: every other start would read them for nothing. */
const APART = ['jose', 'undici', '@actions/artifact'];

const root = resolve(import.meta.dirname, '..');
rmSync(join(root, 'dist'), { recursive: true, force: true });
const options = {
  bundle: true,
  minify: true,
  keepNames: true,
  sourcemap: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // CommonJS packages in the bundle call require() for built-in modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};
const fileOf = (name) => `${name.replaceAll(/[@/]/g, '-').replace(/^-/, '')}.js`;
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
      APART.includes(path) && kind === 'dynamic-import'
        ? { path: `./library/${fileOf(path)}`, external: true }
        : undefined,
    );
  },
};
const entries = readdirSync(join(root, 'src/entry')).filter((name) => name.endsWith('.ts'));
await build({
  ...options,
  entryPoints: entries.map((name) => join(root, 'src/entry', name)),
  outdir: join(root, 'dist'),
  plugins: [apart],
});
for (const name of APART) {
  // Names are listed: a CommonJS library has none that a bundler could read.
  const names = Object.keys(await import(name)).filter(
    (one) => /^[A-Za-z_$][\w$]*$/.test(one) && one !== 'default' && one !== 'module.exports',
  );
  await build({
    ...options,
    stdin: {
      contents: `import * as all from '${name}';\n${names.map((one) => `export const ${one} = all.${one};`).join('\n')}`,
      resolveDir: root,
    },
    outfile: join(root, 'dist/library', fileOf(name)),
  });
}
console.log(`built ${entries.length} entries into dist/`);

// Bundles each entry into dist/, so that a start reads one file instead of hundreds.
import { build } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
rmSync(join(root, 'dist'), { recursive: true, force: true });
const entries = readdirSync(join(root, 'src/entry')).filter((name) => name.endsWith('.ts'));
await build({
  entryPoints: entries.map((name) => join(root, 'src/entry', name)),
  outdir: join(root, 'dist'),
  bundle: true,
  // Imported where they are needed, by sessions with credentials alone: every other start would read them for nothing.
  external: ['jose', 'undici'],
  splitting: false,
  minify: true,
  keepNames: true,
  sourcemap: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  chunkNames: 'chunks/[name]-[hash]',
  // CommonJS packages in the bundle call require() for built-in modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
console.log(`built ${entries.length} entries into dist/`);

// Bundles the bench beside the program's own bundles and runs it. Called by `npm run bench`, after `npm run build`.
import { build } from 'esbuild';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const parts = [
  'main',
  'log',
  'decide',
  ...['origin', 'proxy', 'relay', 'load'].map((name) => `egress/${name}`),
  ...['server', 'gateway', 'load'].map((name) => `mcp/${name}`),
];
await build({
  entryPoints: parts.map((name) => ({
    in: join(root, `bench/${name}.ts`),
    out: `bench-${name.replace('/', '-')}`,
  })),
  outdir: join(root, 'dist'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  // Scripts and packages are found from the sources' folder, not from the bundle's.
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'bench')) },
});
await import(join(root, 'dist/bench-main.js'));

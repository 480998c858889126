// Checks DESIGN's floors: a file of src/ imports its own folder or a lower floor, and no import runs in a circle.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const FLOORS = {
  model: 0,
  match: 1,
  policy: 1.5, // reads patterns through match/
  log: 2,
  github: 2,
  source: 2,
  identity: 2,
  engine: 2,
  guest: 2,
  provider: 2,
  install: 2,
  report: 2.5, // reads the log
  enforce: 3,
  session: 4,
  action: 5,
  hook: 5,
  cli: 5,
  entry: 6,
};
/** Folders of enforce/ that are no enforcement points: what several of them use. They import no point. */
const BESIDE_POINTS = new Set(['scan']);
const PURE = new Set(['model', 'match', 'policy']);
const root = resolve(import.meta.dirname, '..', 'src');
const faults = [];
const graph = new Map();

const files = readdirSync(root, { recursive: true }).filter((name) => name.endsWith('.ts'));
for (const name of files) {
  const file = join(root, name);
  const text = readFileSync(file, 'utf8');
  const imports = [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'/g),
    ...text.matchAll(/import\(\s*'([^']+)'\s*\)/g),
  ].map((m) => m[1]);
  const edges = [];
  for (const target of imports) {
    if (!target.startsWith('.')) {
      if (PURE.has(folderOf(name)) && target.startsWith('node:'))
        faults.push(`${name}: ${folderOf(name)}/ is pure and may not import ${target}`);
      continue;
    }
    const to = relative(root, resolve(dirname(file), target));
    edges.push(to);
    checkEdge(name, to);
  }
  graph.set(name, edges);
}

function folderOf(name) {
  return name.split('/')[0];
}

function checkEdge(from, to) {
  const a = folderOf(from);
  const b = folderOf(to);
  if (to.startsWith('..')) return; // package.json and generated data at the top level
  if (!(b in FLOORS)) faults.push(`${from}: ${b}/ has no floor`);
  else if (a !== b && FLOORS[b] >= FLOORS[a])
    faults.push(`${from} (floor ${FLOORS[a]}) imports ${to} (floor ${FLOORS[b]})`);
  const pointA = from.split('/')[1];
  const pointB = to.split('/')[1];
  const both = a === 'enforce' && b === 'enforce';
  if (both && pointA !== pointB && pointB.indexOf('.') < 0 && !BESIDE_POINTS.has(pointB))
    faults.push(`${from}: enforcement points never import one another (${to})`);
}

const state = new Map();
function visit(name, path) {
  if (state.get(name) === 'done') return;
  if (state.get(name) === 'open') {
    faults.push(`circle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`);
    return;
  }
  state.set(name, 'open');
  for (const next of graph.get(name) ?? []) if (graph.has(next)) visit(next, [...path, name]);
  state.set(name, 'done');
}
for (const name of graph.keys()) visit(name, []);

for (const fault of faults) console.error(`floors: ${fault}`);
console.log(`floors: ${files.length} files, ${faults.length} faults`);
process.exitCode = faults.length ? 1 : 0;

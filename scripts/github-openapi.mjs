// Cuts out of GitHub's published OpenAPI description what the test fake serves, so that 385 MB need not be installed for it:
// node scripts/github-openapi.mjs [VERSION], which writes test/fixtures/github-openapi.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const VERSION = process.argv[2] ?? '23.0.2';
const ENTRY = 'package/generated/api.github.com.json';
const OUT = resolve(import.meta.dirname, '../test/fixtures/github-openapi.json');

const ROUTES = `
GET    /rate_limit
POST   /app/installations/{installation_id}/access_tokens
DELETE /installation/token
GET    /orgs/{org}/actions/variables/{name}
GET    /repos/{owner}/{repo}
GET    /repos/{owner}/{repo}/installation
GET    /repos/{owner}/{repo}/actions/variables/{name}
GET    /repos/{owner}/{repo}/actions/runs/{run_id}
GET    /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts
GET    /repos/{owner}/{repo}/actions/artifacts/{artifact_id}
DELETE /repos/{owner}/{repo}/actions/artifacts/{artifact_id}
GET    /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}
GET    /repos/{owner}/{repo}/branches/{branch}
POST   /repos/{owner}/{repo}/check-runs
GET    /repos/{owner}/{repo}/check-runs/{check_run_id}
PATCH  /repos/{owner}/{repo}/check-runs/{check_run_id}
GET    /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations
POST   /repos/{owner}/{repo}/code-scanning/sarifs
GET    /repos/{owner}/{repo}/commits/{ref}
GET    /repos/{owner}/{repo}/commits/{ref}/check-runs
GET    /repos/{owner}/{repo}/contents/{path}
GET    /repos/{owner}/{repo}/git/blobs/{file_sha}
GET    /repos/{owner}/{repo}/git/trees/{tree_sha}
GET    /repos/{owner}/{repo}/issues/{issue_number}/comments
POST   /repos/{owner}/{repo}/issues/{issue_number}/comments
GET    /repos/{owner}/{repo}/pulls/{pull_number}
GET    /repos/{owner}/{repo}/pulls/{pull_number}/files
`;

/** For people, not for the check. */
const DROPPED = new Set(['description', 'example', 'examples', 'externalDocs', 'summary', 'tags']);

const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
try {
  const packed = execFileSync('npm', ['pack', '--silent', `@octokit/openapi@${VERSION}`], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();
  execFileSync('tar', ['xzf', packed, ENTRY], { cwd: folder });
  const text = readFileSync(join(folder, ENTRY));
  const whole = JSON.parse(text);
  const components = {};
  const paths = {};
  for (const line of ROUTES.trim().split('\n')) {
    const [method, path] = line.split(/ +/);
    const operation = whole.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`not described: ${line}`);
    paths[path] = { ...paths[path], [method.toLowerCase()]: take(operation, whole, components) };
  }
  const source = {
    package: `@octokit/openapi@${VERSION}`,
    file: ENTRY,
    sha256: createHash('sha256').update(text).digest('hex'),
  };
  writeFileSync(OUT, `${JSON.stringify({ source, paths, components })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A copy, with all it refers to put into `components`. `isMap`: its keys are names of users' own. */
function take(value, whole, components, isMap = false) {
  if (Array.isArray(value)) return value.map((item) => take(item, whole, components));
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.$ref === 'string') keep(value.$ref, whole, components);
  const kept = Object.entries(value).filter(
    ([name]) => isMap || (!DROPPED.has(name) && !name.startsWith('x-')),
  );
  return Object.fromEntries(
    kept.map(([name, item]) => [
      name,
      take(item, whole, components, !isMap && name === 'properties'),
    ]),
  );
}

function keep(ref, whole, components) {
  const [, , kind, name] = ref.split('/');
  components[kind] ??= {};
  if (components[kind][name] !== undefined) return;
  components[kind][name] = {};
  components[kind][name] = take(whole.components[kind][name], whole, components);
}

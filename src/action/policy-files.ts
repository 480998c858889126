// The policies that hold for this step, as files of its own: the repository's from the base of the event, the organisation's from where
// it is kept. What lies in the workspace is what the agent or the author of a pull request has written, and is not read.
// Invariant: what cannot be read is never taken for absent; the step does not start.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, posix, relative } from 'node:path';

import type { GitHub } from '../github/api.ts';
import type { JobContext } from '../github/context.ts';
import { policyRefOf } from '../github/policy-ref.ts';
import { SandboxError, errnoOf, messageOf } from '../model/error.ts';
import { parsePolicy } from '../policy/parse.ts';
import { DEFAULT_POLICY, MCP_LOCK } from '../source/builtin.ts';
import { readPolicyFile } from '../source/file.ts';
import { followLinks } from '../source/load.ts';
import { parseOrgSource } from './org-source.ts';

export interface PolicyFiles {
  /** stands for the repository's root */
  root: string;
  /** absolute */
  policy: string;
  orgPolicy?: string;
  /** a line for people each: where it is from, or that there is none */
  notices: string[];
}

export interface PolicyOrder {
  context: JobContext;
  github: GitHub;
  /** the input: a path in the repository, or an absolute one outside of the workspace */
  policy: string | undefined;
  /** the input: `auto`, `none` or a place */
  orgPolicy: string;
  /** the organisation's variable, handed on by the workflow; empty where there is none */
  orgVariable: string;
  /** of the step's own */
  directory: string;
}

/** Put there by whoever owns the runner: it holds whatever a workflow says. */
export const RUNNER_POLICY = '/etc/agent-sandbox/org-policy.yml';
const MOST_FILES = 16;

export async function fetchPolicies(order: PolicyOrder): Promise<PolicyFiles> {
  const root = join(order.directory, 'policy');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const notices: string[] = [];
  const orgPolicy = await organisationPolicy(order, notices);
  const policy = await repositoryPolicy(order, root, notices);
  if ([policy, orgPolicy].some(mayHaveServers)) await toolLock(order, root, notices);
  return { root, policy, ...(orgPolicy !== undefined && { orgPolicy }), notices };
}

async function repositoryPolicy(
  order: PolicyOrder,
  root: string,
  notices: string[],
): Promise<string> {
  const { context, github, policy: named } = order;
  const path = pathInRepository(named ?? DEFAULT_POLICY, context.workspace);
  if (path === undefined) {
    notices.push(`policy: ${named ?? ''} on the runner`);
    return named ?? '';
  }
  const { ref, what } = policyRefOf(context);
  const text = await github.file(context.repository, path, ref);
  if (text === undefined) {
    if (named !== undefined)
      throw fault(
        'ACTION_NO_POLICY',
        `there is no ${path} in ${what}, and the input \`policy\` names it`,
      );
    notices.push(`policy: none (${what} has no ${path}); the builtin rules alone hold`);
    const empty = join(order.directory, 'no-policy.yml');
    writeFileSync(empty, 'version: 1\n', { mode: 0o600 });
    return empty;
  }
  await writeTree({ github, repository: context.repository, ref, root }, path, text);
  notices.push(`policy: ${path} of ${what}`);
  return join(root, path);
}

/** Its own, or those of a file that it extends; no template has any. */
function mayHaveServers(file: string | undefined): boolean {
  if (file === undefined) return false;
  const text = readPolicyFile(file);
  if (text.status !== 'read') return false; // it is refused where it is loaded
  const { document } = parsePolicy(text.text, file);
  const { mcp, extends: others } = document ?? {};
  return (mcp?.servers ?? []).length > 0 || (others ?? []).some(({ name }) => name.startsWith('.'));
}

/**
 * What was reviewed of tool servers is the base's like the policy: the one in the workspace would let a pull request, or an earlier step,
 * say what is known of a server.
 */
async function toolLock(order: PolicyOrder, root: string, notices: string[]): Promise<void> {
  const { ref, what } = policyRefOf(order.context);
  const text = await order.github.file(order.context.repository, MCP_LOCK, ref);
  if (text === undefined) return;
  const file = join(root, MCP_LOCK);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
  notices.push(`tool servers: ${MCP_LOCK} of ${what}`);
}

interface Tree {
  github: GitHub;
  repository: string;
  ref: string;
  root: string;
}

/** The file, and those beside it that it extends. */
async function writeTree(tree: Tree, first: string, text: string): Promise<void> {
  const known = new Map<string, string>([[first, text]]);
  for (const [path, content] of known) {
    const file = join(tree.root, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { mode: 0o600 });
    for (const { name } of parsePolicy(content, path).document?.extends ?? []) {
      if (!name.startsWith('./') && !name.startsWith('../')) continue;
      const other = posix.normalize(posix.join(posix.dirname(path), name));
      if (known.has(other) || leadsOut(other)) continue; // what leads out is refused where it is loaded
      if (known.size >= MOST_FILES)
        throw fault('ACTION_POLICY_FILES', `${first} extends more than ${MOST_FILES} files`);
      const extended = await tree.github.file(tree.repository, other, tree.ref);
      if (extended !== undefined) known.set(other, extended);
    }
  }
}

/** Undefined for a file of the runner's. A path in the workspace stands for the same path in the repository. */
function pathInRepository(path: string, workspace: string): string | undefined {
  const inside = isAbsolute(path) ? relative(workspace, normalize(path)) : posix.normalize(path);
  if (!leadsOut(inside)) return inside;
  // Another name of the workspace, or a link into it, would have the head's copy read.
  const real = relative(followLinks(workspace), followLinks(path));
  if (isAbsolute(path) && real !== '' && leadsOut(real)) return undefined;
  throw fault(
    'ACTION_INPUT',
    `the input \`policy\` must name a file of the repository, or one of the runner outside of the workspace, not '${path}'`,
  );
}

const leadsOut = (inside: string): boolean => /^(?:\.{0,2}$|\.\.\/|\/)/.test(inside);

async function organisationPolicy(
  order: PolicyOrder,
  notices: string[],
): Promise<string | undefined> {
  const { context, github, directory } = order;
  const onRunner = readRunnerPolicy();
  const source = parseOrgSource(order.orgPolicy, order.orgVariable, context.owner);
  if (onRunner !== undefined) {
    // The owner of the machine has the last word; a second organisation's policy could only loosen what it says.
    notices.push(`organisation's policy: ${RUNNER_POLICY} on the runner`);
    return RUNNER_POLICY;
  }
  if (source === undefined) {
    notices.push("organisation's policy: none");
    return undefined;
  }
  const { repository, path, ref, isNamed } = source;
  const place = `${repository}/${path}${ref === undefined ? '' : `@${ref}`}`;
  const text = isNamed
    ? await github.file(repository, path, ref ?? 'HEAD')
    : await optional(github, repository, path);
  if (text === undefined) {
    if (isNamed)
      throw fault(
        'ACTION_NO_POLICY',
        `there is no ${place}, and it is named as the organisation's policy`,
      );
    notices.push(`organisation's policy: none (${place})`);
    return undefined;
  }
  const origin = parsePolicy(text, path).document?.origin?.repository;
  if (origin !== undefined && origin.toLowerCase() !== repository.toLowerCase())
    throw fault('ACTION_ORIGIN', `${place} says that it comes from ${origin}`);
  const file = join(directory, 'organisation', path);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
  notices.push(`organisation's policy: ${place}`);
  return file;
}

/** Nobody has named this one: where the repository cannot be seen, the organisation has put none there for this job. */
async function optional(
  github: GitHub,
  repository: string,
  path: string,
): Promise<string | undefined> {
  const { status } = await github.call('GET', `/repos/${repository}`);
  if (status === 404) return undefined;
  return github.file(repository, path, 'HEAD');
}

function readRunnerPolicy(): string | undefined {
  try {
    return readFileSync(RUNNER_POLICY, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fault(
      'ACTION_RUNNER_POLICY',
      `${RUNNER_POLICY} is there and cannot be read: ${messageOf(error)}`,
    );
  }
}

function fault(code: string, message: string): SandboxError {
  return new SandboxError({ kind: 'policy', code, message });
}

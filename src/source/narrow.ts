// The policy of a session that another session starts: what the text says, within what the parent may. The text comes from
// a guest.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EffectivePolicy } from '../model/policy.ts';
import { canonicalJson } from '../policy/canonical.ts';
import { hasErrors } from '../policy/diagnostic.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { parsePolicy } from '../policy/parse.ts';
import { resolvePolicy } from '../policy/resolve.ts';
import { smallestLimits } from '../policy/scalars.ts';
import { hostClient } from './destinations/client.ts';
import { expandDestinations } from './destinations/expand.ts';
import { readDocuments } from './extend.ts';
import { readPolicyFile } from './file.ts';
import { followLinks, type LoadedPolicy } from './load.ts';

const NAME = 'the policy of the nested run';
const NOWHERE = { line: 1, column: 1, offset: 0, length: 1 };

/** Without a text the child may do what the parent may. */
export function narrowPolicy(
  parent: EffectivePolicy,
  text: string | undefined,
  packageRoot: string,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedPolicy {
  if (text === undefined) return { policy: parent, diagnostics: [], texts: {}, documents: [] };
  const texts: Record<string, string> = { [NAME]: text };
  const { document, diagnostics } = parsePolicy(text, NAME);
  if (document === undefined) return { diagnostics, texts, documents: [] };

  const documents: [PolicyDocument, ...PolicyDocument[]] = [document];
  const templates = join(packageRoot, 'policy-templates');
  const done = new Set<string>();
  for (const { name, span } of document.extends) {
    // Each once: a guest that names one ten thousand times is not to keep the host reading.
    if (done.has(name)) continue;
    done.add(name);
    // Files beside it are the guest's, not the host's: only templates can be named.
    const path = join(templates, `${name}.yml`);
    const file = /^[a-z0-9][a-z0-9-]*$/.test(name) ? readPolicyFile(path) : undefined;
    if (file?.status !== 'read') {
      diagnostics.push({
        code: 'extends',
        severity: 'error',
        file: NAME,
        span,
        message: `there is no template "${name}"`,
      });
      continue;
    }
    const read = readDocuments(path, file.text, {
      templates,
      nameOf: () => `policy-templates/${name}.yml`,
      texts,
      paths: [],
    });
    diagnostics.push(...read.diagnostics);
    documents.push(...(read.documents ?? []));
  }
  for (const { file, credentials, mcp, max, mentions } of documents) {
    const { servers, allow, secrets, limits } = mcp;
    const scalars = Object.keys(secrets).length + Object.keys(limits).length;
    const stated = servers.length + allow.length + scalars > 0;
    if (stated || mentions['max.mcp'] !== undefined)
      diagnostics.push({
        code: 'not-enforced',
        severity: 'error',
        file,
        span: mentions['max.mcp'] ?? mentions['mcp'] ?? NOWHERE,
        message:
          'a nested run has the tools of the session around it: it states no more of them than `mcp.deny`',
        help: 'remove `mcp.servers`, `mcp.allow`, `mcp.secrets`, `mcp.limits` and `max.mcp`',
      });
    if (credentials.length > 0 || (max?.credentials.length ?? 0) > 0)
      diagnostics.push({
        code: 'not-enforced',
        severity: 'error',
        file,
        span: mentions['credentials'] ?? mentions['max'] ?? NOWHERE,
        message: 'a nested run mints nothing: it has the credentials of the session around it',
        help: 'remove the section',
      });
  }
  const expanded = expandDestinations(
    documents,
    hostClient(parent.home, environment, parent.workspace),
  );
  diagnostics.push(...expanded.diagnostics);
  const [builtin] = parent.layers;
  if (hasErrors(diagnostics) || builtin === undefined) return { diagnostics, texts, documents };
  const hash = (value: string): string =>
    `sha256:${createHash('sha256').update(value).digest('hex')}`;
  const resolved = resolvePolicy({
    workspace: parent.workspace,
    home: parent.home,
    builtin,
    sources: [{ name: 'repo', documents: expanded.documents, digest: hash(text) }],
    ignoreCase: process.platform === 'darwin',
    realPath: followLinks,
    servers: parent.mcp.servers.map(({ id }) => id),
    hash,
  });
  diagnostics.push(...resolved.diagnostics);
  if (resolved.policy === undefined) return { diagnostics, texts, documents };
  const { digest: _, ...own } = resolved.policy;
  const policy: Omit<EffectivePolicy, 'digest'> = {
    ...own,
    mode: parent.mode === 'audit' && document.mode !== 'enforce' ? 'audit' : 'enforce',
    limits: smallestLimits([parent.limits, document.limits]),
    require: { ...own.require, ...parent.require },
    user: own.user === 'root' && parent.user === 'root' ? 'root' : 'agent',
    mcp: parent.mcp,
    within: parent,
  };
  return {
    policy: { ...policy, digest: hash(canonicalJson(policy)) },
    diagnostics,
    texts,
    documents,
  };
}

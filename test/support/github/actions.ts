// Workflow runs and their artifacts, comments, SARIF uploads, installations and the rest of REST.

import { gunzipSync } from 'node:zlib';

import { type Answer, type Call, type Served, notFound, page, refuse } from './call.ts';
import { addToken } from './state.ts';
import type { StoredArtifact } from './types.ts';

const REPOSITORY = '/repos/{owner}/{repo}';
const ARTIFACT = `${REPOSITORY}/actions/artifacts/{artifact_id}`;
const COMMENTS = `${REPOSITORY}/issues/{issue_number}/comments`;

export const ACTION_ROUTES: Readonly<Record<string, Served>> = {
  [`GET ${REPOSITORY}/actions/runs/{run_id}`]: {
    needs: ['actions', 'read'],
    answer: (call) => {
      const id = Number(call.params['run_id']);
      const facts = call.state.runs.get(id);
      return facts === undefined ? notFound() : { status: 200, body: { id, ...facts } };
    },
  },
  [`GET ${REPOSITORY}/actions/runs/{run_id}/artifacts`]: {
    needs: ['actions', 'read'],
    answer: (call) => {
      const name = call.query.get('name');
      const all = call.state.artifacts.filter(
        (one) => one.runId === call.params['run_id'] && (name === null || one.name === name),
      );
      const { items, headers } = page(call, all);
      const artifacts = items.map((one) => shown(call, one));
      return { status: 200, headers, body: { total_count: all.length, artifacts } };
    },
  },
  [`GET ${ARTIFACT}`]: {
    needs: ['actions', 'read'],
    answer: (call) => withArtifact(call, (one) => ({ status: 200, body: shown(call, one) })),
  },
  [`DELETE ${ARTIFACT}`]: {
    needs: ['actions', 'write'],
    answer: (call) =>
      withArtifact(call, (one) => {
        call.state.artifacts.splice(call.state.artifacts.indexOf(one), 1);
        return { status: 204 };
      }),
  },
  [`GET ${ARTIFACT}/{archive_format}`]: {
    needs: ['actions', 'read'],
    answer: (call) =>
      withArtifact(call, (one) => ({
        status: 302,
        headers: { location: `${call.state.url}/devstore/artifacts/${one.id}?sig=test` },
      })),
  },
  [`GET ${COMMENTS}`]: {
    needs: ['issues', 'read'],
    answer: (call) => {
      const all = call.state.comments.filter((comment) => isHere(call, comment));
      const { items, headers } = page(call, all);
      return { status: 200, headers, body: items.map(({ body }, i) => ({ id: i + 1, body })) };
    },
  },
  [`POST ${COMMENTS}`]: {
    needs: ['issues', 'write'],
    answer: (call) => {
      const { body } = call.body as { body: string };
      const issue = Number(call.params['issue_number']);
      call.state.comments.push({ repository: nameOf(call), issue, body });
      return { status: 201, body: { id: call.state.comments.length, body } };
    },
  },
  [`POST ${REPOSITORY}/code-scanning/sarifs`]: {
    needs: ['security-events', 'write'],
    answer: takeSarif,
  },
  'GET /rate_limit': {
    needs: ['metadata', 'read'],
    answer: () => {
      const rate = { limit: 1000, remaining: 999, reset: 1_900_000_000, used: 1 };
      return { status: 200, body: { resources: { core: rate, search: rate }, rate } };
    },
  },
  [`GET ${REPOSITORY}/installation`]: {
    needs: ['metadata', 'read'],
    answer: (call) => ({ status: 200, body: { id: 77, app_id: call.state.appId } }),
  },
  'POST /app/installations/{installation_id}/access_tokens': {
    needs: ['metadata', 'read'],
    answer: (call) => {
      const { permissions = { contents: 'read' } } = (call.body ?? {}) as {
        permissions?: Record<string, string>;
      };
      const named = { ...permissions, metadata: 'read' };
      const token = addToken(call.state, { permissions: named, appId: call.state.appId });
      const expires_at = new Date(call.state.now() + 3_600_000).toISOString();
      return { status: 201, body: { token, expires_at, permissions: named } };
    },
  },
  'DELETE /installation/token': {
    needs: ['metadata', 'read'],
    answer: (call) => {
      for (const [text, token] of call.state.tokens)
        if (token === call.token) call.state.tokens.delete(text);
      return { status: 204 };
    },
  },
};

const MOST_RUNS = 20;
const MOST_RESULTS = 25_000;

function takeSarif(call: Call): Answer {
  const { ref, commit_sha, sarif } = call.body as Record<string, string>;
  try {
    const text = gunzipSync(Buffer.from(sarif ?? '', 'base64'), { maxOutputLength: 100 * 2 ** 20 });
    const parsed = JSON.parse(text.toString()) as { runs: { results?: unknown[] }[] };
    if (parsed.runs.length > MOST_RUNS) return refuse(422, 'too many runs');
    if (parsed.runs.some(({ results = [] }) => results.length > MOST_RESULTS))
      return refuse(422, 'too many results');
    call.state.sarifs.push({ ref: ref ?? '', commitSha: commit_sha ?? '', sarif: parsed });
  } catch (error) {
    return refuse(400, `Invalid SARIF: ${(error as Error).message}`);
  }
  const id = `sarif-${call.state.sarifs.length}`;
  return { status: 202, body: { id, url: `${call.state.url}${call.state.path}/${id}` } };
}

function withArtifact(call: Call, answer: (artifact: StoredArtifact) => Answer): Answer {
  const id = Number(call.params['artifact_id']);
  const found = call.state.artifacts.find((one) => one.id === id);
  return found === undefined ? notFound() : answer(found);
}

function shown(call: Call, artifact: StoredArtifact): object {
  return {
    ...{ id: artifact.id, name: artifact.name, size_in_bytes: artifact.size },
    ...{ expired: false, digest: artifact.digest },
    archive_download_url: `${call.state.url}/repos/${nameOf(call)}/actions/artifacts/${artifact.id}/zip`,
    workflow_run: { id: Number(artifact.runId) },
    created_at: new Date(call.state.now()).toISOString(),
  };
}

function isHere(call: Call, comment: { repository: string; issue: number }): boolean {
  return (
    comment.repository === nameOf(call) && comment.issue === Number(call.params['issue_number'])
  );
}

function nameOf({ params }: Call): string {
  return `${params['owner']}/${params['repo']}`;
}

// The results service of Actions: artifacts v4 and cache v2, Twirp over JSON, with the uploads at signed URLs.
// What goes over the wire follows @actions/artifact 6 and @actions/cache 6.

import { createHash, randomUUID } from 'node:crypto';

import type { Answer } from './call.ts';
import type { RuntimeJob } from './runtime.ts';
import type { State } from './state.ts';
import type { StoredArtifact } from './types.ts';

interface Message {
  workflow_run_backend_id?: string;
  workflow_job_run_backend_id?: string;
  name?: string;
  expires_at?: string;
  mime_type?: string;
  size?: string;
  hash?: string;
  name_filter?: string;
  id_filter?: string;
  key?: string;
  version?: string;
  restore_keys?: string[];
}

interface Pending {
  path: string;
  message: Message;
}

type Method = (message: Message, job: RuntimeJob) => Answer;

const BAD_NAME = /[":<>|*?\\/\r\n]/;
const PACKAGE = '/twirp/github.actions.results.api.v1.';

export type Results = (path: string, message: unknown, job: RuntimeJob | undefined) => Answer;

export function createResults(state: State): Results {
  const pending = new Map<string, Pending>();

  function begin(kind: string, key: string, message: Message): Answer {
    const path = `/devstore/${kind}/${randomUUID()}`;
    pending.set(key, { path, message });
    state.blobs.set(path, { blocks: new Map() });
    return ok({ ok: true, signed_upload_url: `${state.url}${path}?sig=test&se=2100-01-01` });
  }

  function finish(key: string): { message: Message; content: Buffer } | undefined {
    const found = pending.get(key);
    const content = found && state.blobs.get(found.path)?.content;
    if (found === undefined || content === undefined) return undefined;
    pending.delete(key);
    return { message: found.message, content };
  }

  const ofRun = (runId: string): StoredArtifact[] =>
    state.artifacts.filter((artifact) => artifact.runId === runId);

  const artifacts: Readonly<Record<string, Method>> = {
    CreateArtifact(message, job) {
      const { name = '' } = message;
      if (name === '' || BAD_NAME.test(name)) return fault(400, 'invalid_argument', 'bad name');
      const key = `artifact ${job.runId} ${name}`;
      const isTaken = ofRun(job.runId).some((artifact) => artifact.name === name);
      if (isTaken || pending.has(key))
        return fault(
          409,
          'already_exists',
          'Conflict: an artifact with this name already exists on the workflow run',
        );
      return begin('artifacts', key, message);
    },
    FinalizeArtifact({ name = '', size, hash }, job) {
      const done = finish(`artifact ${job.runId} ${name}`);
      if (done === undefined) return fault(404, 'not_found', 'nothing was uploaded');
      const digest = `sha256:${createHash('sha256').update(done.content).digest('hex')}`;
      if (Number(size) !== done.content.length || (hash ?? digest) !== digest)
        return fault(400, 'invalid_argument', 'size or hash is not what was uploaded');
      const id = state.nextId();
      state.artifacts.push({
        ...{ id, runId: job.runId, name, size: done.content.length, digest },
        ...{ mimeType: done.message.mime_type, expiresAt: done.message.expires_at },
        content: done.content,
      });
      return ok({ ok: true, artifact_id: String(id) });
    },
    ListArtifacts({ name_filter, id_filter }, job) {
      const found = ofRun(job.runId).filter(
        ({ name, id }) =>
          name === (name_filter ?? name) && String(id) === (id_filter ?? String(id)),
      );
      return ok({
        artifacts: found.map(({ id, name, size, digest }) => ({
          ...{ workflow_run_backend_id: job.runId, workflow_job_run_backend_id: job.jobId },
          ...{ database_id: String(id), name, size: String(size), digest },
          created_at: new Date(state.now()).toISOString(),
        })),
      });
    },
    GetSignedArtifactURL({ name }, job) {
      const found = ofRun(job.runId).find((artifact) => artifact.name === name);
      if (found === undefined) return fault(404, 'not_found', 'no such artifact');
      return ok({ signed_url: `${state.url}/devstore/artifacts/${found.id}?sig=test` });
    },
    DeleteArtifact({ name }, job) {
      const found = ofRun(job.runId).find((artifact) => artifact.name === name);
      if (found === undefined) return fault(404, 'not_found', 'no such artifact');
      state.artifacts.splice(state.artifacts.indexOf(found), 1);
      return ok({ ok: true, artifact_id: String(found.id) });
    },
  };

  const caches: Readonly<Record<string, Method>> = {
    CreateCacheEntry(message) {
      const key = cacheKey(message);
      if (state.caches.has(key) || pending.has(key))
        return fault(409, 'already_exists', `cache entry with the same key already exists`);
      return begin('caches', key, message);
    },
    FinalizeCacheEntryUpload(message) {
      const key = cacheKey(message);
      const done = finish(key);
      if (done === undefined) return fault(404, 'not_found', 'nothing was uploaded');
      const entry = {
        key: message.key ?? '',
        version: message.version ?? '',
        content: done.content,
      };
      state.caches.set(key, entry);
      return ok({ ok: true, entry_id: String(state.nextId()) });
    },
    GetCacheEntryDownloadURL({ key = '', version, restore_keys = [] }) {
      // The key itself; else the newest whose key begins as one of the others, in their order.
      const all = [...state.caches].filter(([, entry]) => entry.version === version).reverse();
      const found = [
        all.find(([, entry]) => entry.key === key),
        ...[key, ...restore_keys].map((prefix) =>
          all.find(([, entry]) => entry.key.startsWith(prefix)),
        ),
      ].find((one) => one !== undefined);
      if (found === undefined) return ok({ ok: false });
      const [name, entry] = found;
      const path = `/devstore/caches/${createHash('sha256').update(name).digest('hex')}`;
      state.blobs.set(path, { blocks: new Map(), content: entry.content });
      const signed_download_url = `${state.url}${path}?sig=test`;
      return ok({ ok: true, signed_download_url, matched_key: entry.key });
    },
  };

  return (path, message, job) => {
    if (job === undefined) return fault(401, 'unauthenticated', 'token is not valid');
    const [, service = '', method = ''] =
      /^([A-Za-z]+)\/(\w+)$/.exec(path.slice(PACKAGE.length)) ?? [];
    const methods = { ArtifactService: artifacts, CacheService: caches }[service];
    const run = path.startsWith(PACKAGE) ? methods?.[method] : undefined;
    if (run === undefined) return fault(404, 'bad_route', `no handler for path "${path}"`);
    const fields = (message ?? {}) as Message;
    if (service === 'ArtifactService' && fields.workflow_run_backend_id !== job.runId)
      return fault(403, 'permission_denied', 'token is of another run');
    return run(fields, job);
  };
}

function cacheKey({ key, version }: Message): string {
  return `cache ${version} ${key}`;
}

const ok = (body: object): Answer => ({ status: 200, body });
const fault = (status: number, code: string, msg: string): Answer => ({
  status,
  body: { code, msg },
});

// Blob storage behind signed URLs, as far as uploads and downloads of actions go:
// https://learn.microsoft.com/rest/api/storageservices/put-block, put-block-list, put-blob, get-blob

import type { IncomingHttpHeaders } from 'node:http';

import type { Answer } from './call.ts';
import type { State } from './state.ts';

export interface BlobRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const HEADERS = {
  etag: '"0x1"',
  'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
  'x-ms-request-id': 'test',
  'x-ms-version': '2025-01-05',
};

export function answerBlob(state: State, request: BlobRequest): Answer {
  const { method, path, query, headers, body } = request;
  if (!query.has('sig'))
    return { status: 403, headers: HEADERS, body: Buffer.from('no signature') };
  if (method === 'GET' || method === 'HEAD') return download(state, request);
  const blob = state.blobs.get(path);
  if (method !== 'PUT' || blob === undefined) return { status: 404, headers: HEADERS };
  const comp = query.get('comp');
  if (comp === 'block') blob.blocks.set(query.get('blockid') ?? '', body);
  else if (comp === 'blocklist') {
    const ids = [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]*)</g)];
    const parts = ids.map(([, id]) => blob.blocks.get(id ?? ''));
    if (parts.some((part) => part === undefined)) return { status: 400, headers: HEADERS };
    blob.content = Buffer.concat(parts as Buffer[]);
  } else if (comp === null && headers['x-ms-blob-type'] === 'BlockBlob') blob.content = body;
  else return { status: 400, headers: HEADERS };
  return { status: 201, headers: HEADERS };
}

function download(state: State, { method, path, headers }: BlobRequest): Answer {
  const artifact = state.artifacts.find(({ id }) => path === `/devstore/artifacts/${id}`);
  const content = artifact?.content ?? state.blobs.get(path)?.content;
  if (content === undefined) return { status: 404, headers: HEADERS };
  const name = artifact?.mimeType === 'application/zip' ? `${artifact.name}.zip` : artifact?.name;
  const shown = {
    ...HEADERS,
    'content-type': artifact?.mimeType ?? 'application/octet-stream',
    'x-ms-blob-type': 'BlockBlob',
    'accept-ranges': 'bytes',
    ...(name === undefined
      ? {}
      : { 'content-disposition': `attachment; filename="${encodeURIComponent(name)}"` }),
  };
  const asked = headers.range ?? headers['x-ms-range'];
  const range = /^bytes=(\d+)-(\d*)$/.exec(String(asked ?? ''));
  if (method === 'HEAD')
    return { status: 200, headers: { ...shown, 'content-length': String(content.length) } };
  if (range === null) return { status: 200, headers: shown, body: content };
  const start = Number(range[1]);
  const end = Math.min(content.length - 1, range[2] === '' ? Infinity : Number(range[2]));
  return {
    status: 206,
    headers: { ...shown, 'content-range': `bytes ${start}-${end}/${content.length}` },
    body: content.subarray(start, end + 1),
  };
}

// S3 for one bucket, path style: objects in memory, and every request's signature checked with the real keys.
// https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
import { createHash } from 'node:crypto';

import { listen } from './listen.ts';
import type { Cloud, CloudAnswer, CloudRequest } from './listen.ts';
import { signatureFault } from './signed.ts';
import type { Keys } from './signed.ts';

export interface S3Options {
  bucket: string;
  keys: Keys;
  region: string;
  tls?: { key: string; cert: string };
}

export interface S3 extends Cloud {
  /** by key, escapes undone */
  objects: Map<string, Buffer>;
  /** what was refused, as AWS names it */
  refused: string[];
}

export async function startS3({ bucket, keys, region, tls }: S3Options): Promise<S3> {
  const objects = new Map<string, Buffer>();
  const refused: string[] = [];
  const refuse = (status: number, code: string): CloudAnswer => {
    refused.push(code);
    return xml(status, `<Error><Code>${code}</Code><Message>refused</Message></Error>`);
  };

  const cloud = await listen(async (request) => {
    const fault = await signatureFault(request, keys, { service: 's3', region });
    if (fault !== undefined) return refuse(403, fault);
    const [, name, key] = /^\/([^/]+)\/?(.*)$/s.exec(decodeURIComponent(request.path)) ?? [];
    if (name !== bucket || key === undefined) return refuse(404, 'NoSuchBucket');
    if (key === '') return request.method === 'GET' ? list() : refuse(405, 'MethodNotAllowed');
    switch (request.method) {
      case 'PUT': {
        const body = payloadOf(request);
        if (body === undefined) return refuse(400, 'IncompleteBody');
        objects.set(key, body);
        return { status: 200, headers: { etag: etagOf(body) } };
      }
      case 'GET':
      case 'HEAD': {
        const body = objects.get(key);
        if (body === undefined) return refuse(404, 'NoSuchKey');
        return { status: 200, headers: { etag: etagOf(body), 'content-type': 'text/plain' }, body };
      }
      case 'DELETE':
        objects.delete(key);
        return { status: 204 };
      default:
        return refuse(405, 'MethodNotAllowed');
    }
  }, tls);

  function list(): CloudAnswer {
    const contents = [...objects]
      .map(
        ([key, { length }]) =>
          `<Contents><Key>${escape(key)}</Key><Size>${length}</Size></Contents>`,
      )
      .join('');
    return xml(
      200,
      `<ListBucketResult><Name>${bucket}</Name><KeyCount>${objects.size}</KeyCount><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`,
    );
  }
  return { ...cloud, objects, refused };
}

/** The object itself; undefined where its chunks do not add up. */
function payloadOf({ headers, body }: CloudRequest): Buffer | undefined {
  if (headers['x-amz-content-sha256'] !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') return body;
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at);
    const length = parseInt(body.toString('latin1', at, end), 16);
    if (end < 0 || !Number.isInteger(length)) return undefined;
    if (length === 0) break;
    chunks.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  const whole = Buffer.concat(chunks);
  return whole.length === Number(headers['x-amz-decoded-content-length']) ? whole : undefined;
}

function xml(status: number, body: string): CloudAnswer {
  const headers = { 'content-type': 'application/xml' };
  return { status, headers, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}

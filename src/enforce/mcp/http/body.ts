// The body of a request, up to its limit.

import type { IncomingMessage } from 'node:http';

/** Resolves with undefined once it is longer than `limit`; rejects where it breaks off. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const said = Number(request.headers['content-length'] ?? 0);
  if (said > limit) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        chunks.length = 0;
        resolve(undefined);
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the request broke off')));
  });
}

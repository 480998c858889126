// The vendor's own S3 client with placeholders, what it sends verified and signed anew, and an S3 that knows the real keys only.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { verify } from '../../../../src/enforce/credential/sigv4/verify.ts';
import type { Fault } from '../../../../src/enforce/credential/sigv4/verify.ts';
import { sign } from '../../../../src/provider/sigv4/sign.ts';
import { listen } from '../../../support/clouds/listen.ts';
import type { Cloud } from '../../../support/clouds/listen.ts';
import { startS3 } from '../../../support/clouds/s3.ts';
import type { S3 } from '../../../support/clouds/s3.ts';

const region = 'eu-central-1';
const bucket = 'acme-data';
const real = { accessKeyId: 'ASIAREAL', secretAccessKey: 'real', sessionToken: 'real-token' };
const placeholder = {
  accessKeyId: 'ASIAPLACEHOLDER',
  secretAccessKey: 'placeholder',
  sessionToken: 'placeholder-token',
};

let s3: S3;
let host: Cloud;
let payloads: string[];
let faults: Fault[];
const clients: S3Client[] = [];

/** What the host does with a request of the guest, in short. */
beforeEach(async () => {
  s3 = await startS3({ bucket, keys: real, region });
  payloads = [];
  faults = [];
  host = await listen(async (request) => {
    const { method, path, query, fields, body } = request;
    const wire = { method, path, query, host: request.headers.host ?? '', headers: fields };
    const scope = { service: 's3', region };
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const verdict = verify(wire, placeholder, { ...scope, now: Date.now() }, bodyHash);
    if (verdict.outcome !== 'valid') {
      if (verdict.outcome === 'refused') faults.push(verdict.fault);
      return { status: 403 };
    }
    payloads.push(verdict.payload);
    const target = new URL(request.target, s3.url);
    const outgoing = {
      ...wire,
      host: target.host,
      headers: fields.filter(
        ([name]) => !/^(?:host|connection|content-length|transfer-encoding|expect)$/i.test(name),
      ),
    };
    const headers = sign(outgoing, real, { ...scope, ...verdict }) ?? [];
    const answer = await fetch(target, {
      method,
      headers,
      ...(method === 'PUT' ? { body: new Uint8Array(body) } : {}),
    });
    return {
      status: answer.status,
      headers: { 'content-type': answer.headers.get('content-type') ?? '' },
      body: Buffer.from(await answer.arrayBuffer()),
    };
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await host.close();
  await s3.close();
});

function client(change: object = {}): S3Client {
  const made = new S3Client({
    region,
    endpoint: host.url,
    forcePathStyle: true,
    credentials: placeholder,
    maxAttempts: 1,
    ...change,
  });
  clients.push(made);
  return made;
}

describe('an unmodified S3 client with placeholders (PX-34)', () => {
  it('puts, lists, reads and deletes', async () => {
    const of = client();
    for (const Key of ['plain.txt', 'a b/ü+&=%2F.txt', "it's (1)!*.txt"]) {
      const at = { Bucket: bucket, Key };
      await of.send(
        new PutObjectCommand({ ...at, Body: `body of ${Key}`, Metadata: { a: ' b  c ' } }),
      );
      expect(s3.objects.get(Key)?.toString()).toBe(`body of ${Key}`);
      const got = await of.send(new GetObjectCommand(at));
      expect(await got.Body?.transformToString()).toBe(`body of ${Key}`);
      await of.send(new HeadObjectCommand(at));
    }
    const listed = await of.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: '', MaxKeys: 9 }),
    );
    expect(listed.Contents?.map(({ Key }) => Key)).toEqual([...s3.objects.keys()]);
    await of.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'plain.txt' }));
    expect(s3.objects.has('plain.txt')).toBe(false);
    expect([...s3.refused, ...faults]).toEqual([]);
    const seen = JSON.stringify(s3.requests.map(({ fields }) => fields)).toLowerCase();
    expect(seen).not.toContain('placeholder');
    expect(JSON.stringify(host.requests.map(({ fields }) => fields))).not.toContain('real');
  });

  it('streams a body whose chunks are not signed', async () => {
    const body = 'x'.repeat(200_000);
    await client().send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: 'stream',
        Body: Readable.from([Buffer.from(body)]),
        ContentLength: body.length,
      }),
    );
    expect(s3.objects.get('stream')?.toString()).toBe(body);
    expect(payloads.some((payload) => !/^[0-9a-f]{64}$/.test(payload))).toBe(true);
  });

  it('is refused with other keys, another region, or a changed request', async () => {
    const at = { Bucket: bucket, Key: 'a' };
    const attempts: [S3Client, Fault][] = [
      [client({ credentials: real }), 'unknown-key'],
      [client({ credentials: { ...placeholder, sessionToken: 'x' } }), 'token'],
      [client({ credentials: { ...placeholder, secretAccessKey: 'x' } }), 'mismatch'],
      [client({ region: 'us-east-1' }), 'scope'],
    ];
    const bent = client();
    bent.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-amz-acl'] = 'public-read';
        return next(args);
      },
      { step: 'finalizeRequest', name: 'bend', priority: 'low' },
    );
    attempts.push([bent, 'headers']);
    for (const [of, fault] of attempts) {
      await expect(of.send(new PutObjectCommand({ ...at, Body: 'x' }))).rejects.toThrow();
      expect(faults.pop()).toBe(fault);
    }
    expect(s3.requests).toEqual([]);
  });

  it('gets nowhere by itself', async () => {
    const of = client({ endpoint: s3.url });
    await expect(of.send(new GetObjectCommand({ Bucket: bucket, Key: 'a' }))).rejects.toThrow();
    expect(s3.refused).toEqual(['InvalidAccessKeyId']);
  });
});

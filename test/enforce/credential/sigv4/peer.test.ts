// The vendor's own signer against ours: what it signs verifies here, what we sign it signs alike, and what is bent does not pass.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';

import { verify } from '../../../../src/enforce/credential/sigv4/verify.ts';
import type { Expected } from '../../../../src/enforce/credential/sigv4/verify.ts';
import type { WireRequest } from '../../../../src/provider/sigv4/canonical.ts';
import { sign } from '../../../../src/provider/sigv4/sign.ts';
import { createRandom } from '../../../support/random.ts';
import type { Random } from '../../../support/random.ts';
import { createSmithySigner } from '../../../support/smithy.ts';

const ROUNDS = 2000;
const NOW = Date.UTC(2026, 10, 21, 10, 11, 12);
const PIECES = ['a', 'B', '-._~', ' ', 'é', 'ሴ', '👍', '%', '+', '=', '&', '!*()', "'", '$', '2f'];

function text(random: Random, most = 5): string {
  return Array.from({ length: random.below(most) }, () => random.pick(PIECES as [string])).join('');
}

function escape(value: string, random: Random): string {
  const escaped = encodeURIComponent(value).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return random.chance(0.3) ? escaped.replace(/%../g, (hex) => hex.toLowerCase()) : escaped;
}

interface Drawn {
  request: WireRequest;
  keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  expected: Expected;
  bodyHash: string;
  hasChecksum: boolean;
}

async function draw(random: Random): Promise<Drawn> {
  const service = random.pick(['s3', 'sts', 'bedrock', 'execute-api']);
  const region = random.pick(['us-east-1', 'eu-central-1']);
  const keys = {
    accessKeyId: `AKIA${random.below(1e9)}`,
    secretAccessKey: random.bytes(20).toString('base64'),
    ...(random.chance(0.7) ? { sessionToken: random.bytes(60).toString('base64') } : {}),
  };
  const segments = Array.from({ length: 1 + random.below(4) }, () =>
    random.chance(0.1)
      ? random.pick(['', '.', '..'])
      : encodeURIComponent(text(random)).replace(
          /[!'()*]/g,
          (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
        ),
  );
  const path = `/${segments.join('/')}`;
  const query: Record<string, string | string[]> = {};
  for (let count = random.below(5); count > 0; count--)
    query[`${random.pick(['p', 'Q', 'list-type', 'x'])}${text(random, 3)}`] = random.chance(0.3)
      ? Array.from({ length: 1 + random.below(3) }, () => text(random))
      : text(random);
  const host = random.pick(['bucket.s3.example.com', 'api.example.com:8443']);
  const headers: Record<string, string> = { host };
  for (let count = random.below(5); count > 0; count--)
    headers[
      random.pick(['content-type', 'X-Amz-Meta-A', 'x-amz-target', 'User-Agent', 'My-Header', 'te'])
    ] = random.pick(['a', '  a  b\t c ', 'text/plain; charset=utf-8', '"a   b"', '']);
  const body = random.chance(0.5) ? '' : random.bytes(random.below(200)).toString('hex');
  const hasChecksum = service === 's3' || random.chance(0.5);
  const signer = createSmithySigner({ service, region, credentials: keys, hasChecksum });
  const method = random.pick(['GET', 'PUT', 'POST', 'DELETE']);
  const signed = await signer.sign(
    { method, protocol: 'https:', hostname: host, path, query, headers, body },
    { signingDate: new Date(NOW + random.below(500_000) - 250_000) },
  );
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (one) => `${escape(name, random)}=${escape(one, random)}`,
    ),
  );
  if (random.chance(0.5)) pairs.reverse();
  return {
    request: {
      method,
      host,
      path,
      query: pairs.join('&'),
      headers: Object.entries(signed.headers),
    },
    keys,
    expected: { service, region, now: NOW },
    bodyHash: createHash('sha256').update(body).digest('hex'),
    hasChecksum,
  };
}

/** The same request with one thing changed that its signature covers. */
function tamper(random: Random, { request, bodyHash }: Drawn): [WireRequest, string, string] {
  const names =
    /SignedHeaders=([^,]+)/.exec(header(request, 'authorization'))?.[1]?.split(';') ?? [];
  const kind = random.below(7);
  if (kind === 0) return [{ ...request, method: `${request.method}X` }, bodyHash, 'method'];
  if (kind === 1) return [{ ...request, path: `${request.path}x` }, bodyHash, 'path'];
  if (kind === 2) {
    const query = request.query === '' ? 'acl=' : `${request.query}&acl=`;
    return [{ ...request, query }, bodyHash, 'query'];
  }
  if (kind === 3) return [withHeader(request, 'host', 'other.example.com'), bodyHash, 'host'];
  if (kind === 4) {
    const hash = createHash('sha256').update('other').digest('hex');
    return [request, hash, 'body'];
  }
  const name = random.pick(names.filter((one) => one !== 'host') as [string]);
  if (kind === 5)
    return [withHeader(request, name, `${header(request, name)}x`), bodyHash, `header ${name}`];
  const without = request.headers.filter(([other]) => other.toLowerCase() !== name);
  return [{ ...request, headers: without }, bodyHash, `without ${name}`];
}

function header(request: WireRequest, name: string): string {
  return request.headers.find(([other]) => other.toLowerCase() === name)?.[1] ?? '';
}

function withHeader(request: WireRequest, name: string, value: string): WireRequest {
  const headers = request.headers.map(([other, old]): [string, string] => [
    other,
    other.toLowerCase() === name ? value : old,
  ]);
  return { ...request, headers, host: name === 'host' ? value : request.host };
}

it('verifies what the vendor signs, signs as the vendor does, and passes nothing that was changed (PX-31)', async () => {
  const random = createRandom('sigv4');
  for (let round = 0; round < ROUNDS; round++) {
    const drawn = await draw(random);
    const { request, keys, expected, bodyHash, hasChecksum } = drawn;
    const say = JSON.stringify({ round, request });

    const verdict = verify(request, keys, expected, bodyHash);
    expect(verdict, say).toMatchObject({ outcome: 'valid', payload: bodyHash });
    const early = verify(request, keys, expected);
    expect(early, say).toMatchObject(
      hasChecksum ? { outcome: 'valid', expectedHash: bodyHash } : { outcome: 'body-needed' },
    );

    const ours = sign(request, keys, { ...expected, payload: bodyHash }) ?? [];
    expect(ours.find(([name]) => name === 'authorization')?.[1], say).toBe(
      header(request, 'authorization'),
    );

    const [bent, hash, what] = tamper(random, drawn);
    expect(verify(bent, keys, expected, hash).outcome, `${what} ${say}`).toBe('refused');
  }
});

// Is a request signed with these keys? Asked of the vendor's own signer, so that our signer is not its own judge.
import { createHash } from 'node:crypto';

import { createSmithySigner } from '../smithy.ts';
import type { CloudRequest } from './listen.ts';

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/;

/** Why it is not, as AWS names it; undefined where it is. */
export async function signatureFault(
  { method, path, query, headers, body }: CloudRequest,
  keys: Keys,
  { service, region }: { service: string; region: string },
): Promise<string | undefined> {
  const given = headers.authorization ?? '';
  const [, accessKeyId, , actualRegion, actualService, names = ''] = FORM.exec(given) ?? [];
  if (accessKeyId === undefined) return 'MissingAuthenticationToken';
  if (accessKeyId !== keys.accessKeyId) return 'InvalidAccessKeyId';
  if (headers['x-amz-security-token'] !== keys.sessionToken) return 'InvalidToken';
  if (actualRegion !== region || actualService !== service) return 'AuthorizationHeaderMalformed';
  const date = String(headers['x-amz-date']);
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (!(Math.abs(Date.parse(iso) - Date.now()) < 15 * 60_000)) return 'RequestTimeTooSkewed';
  const hash = createHash('sha256').update(body).digest('hex');
  const stated = headers['x-amz-content-sha256'];
  if (typeof stated === 'string' && /^[0-9a-f]{64}$/.test(stated) && stated !== hash)
    return 'XAmzContentSHA256Mismatch';

  const signed = new Set(names.split(';'));
  if (Object.keys(headers).some((name) => name.startsWith('x-amz-') && !signed.has(name)))
    return 'AccessDenied';
  const signer = createSmithySigner({
    service,
    region,
    credentials: keys,
    hasChecksum: typeof stated === 'string',
  });
  const again = await signer.sign(
    {
      method,
      protocol: 'https:',
      hostname: headers.host ?? '',
      path,
      query: queryOf(query),
      headers: Object.fromEntries(
        Object.entries(headers)
          .filter(([name]) => signed.has(name))
          .map(([name, value]) => [name, String(value)]),
      ),
      body,
    },
    { signingDate: new Date(iso) },
  );
  return again.headers['authorization'] === given ? undefined : 'SignatureDoesNotMatch';
}

function queryOf(query: string): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  for (const piece of query === '' ? [] : query.split('&')) {
    const [name = '', value = ''] = piece.split(/=(.*)/s).map(decodeURIComponent);
    (values[name] ??= []).push(value);
  }
  return values;
}

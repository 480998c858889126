// The vendors' own SDKs, unmodified, led here by variables alone: what comes out is a placeholder.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManagedIdentityCredential } from '@azure/identity';
import { S3Client } from '@aws-sdk/client-s3';
import { GoogleAuth } from 'google-auth-library';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  answerMetadata,
  metadataVariables,
} from '../../../../src/enforce/credential/metadata/metadata.ts';
import type { Metadata } from '../../../../src/enforce/credential/metadata/metadata.ts';

const notAfter = Math.floor(Date.now() / 1000) * 1000 + 3_600_000;
const metadata: Metadata = {
  aws: [
    {
      path: '/v1/credentials/s3',
      token: 'metadata-token',
      placeholder: {
        accessKeyId: 'ASIAPLACEHOLDER',
        secretAccessKey: 'placeholder-secret',
        sessionToken: 'placeholder-token',
      },
      notAfter,
    },
  ],
  google: {
    placeholder: 'ya29.placeholder',
    email: 'agent@acme.iam.gserviceaccount.com',
    scopes: ['https://www.googleapis.com/auth/cloud-platform'],
    project: 'acme',
    notAfter,
  },
  azure: {
    path: '/msi/token',
    secret: 'identity-secret',
    tokens: [
      {
        resource: 'https://vault.azure.net',
        client: '00000000-0000-0000-0000-000000000001',
        placeholder: 'eyJ.placeholder',
        notAfter,
      },
    ],
  },
};

let server: http.Server;
let before: NodeJS.ProcessEnv;
let authority: string;
const asked: string[] = [];

beforeEach(async () => {
  asked.length = 0;
  server = http.createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://metadata');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const method = request.method ?? '';
    const answer = answerMetadata(
      { method, path: pathname, query: search.slice(1), headers },
      metadata,
      Date.now(),
    );
    asked.push(`${method} ${request.url} ${answer.status}`);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  before = { ...process.env };
  for (const name of Object.keys(process.env))
    if (/^(?:AWS|AZURE|GOOGLE|GCLOUD|GCE|IDENTITY|MSI|IMDS)_/.test(name)) delete process.env[name];
  Object.assign(process.env, metadataVariables(authority, metadata), {
    // No host's own configuration in between.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    CLOUDSDK_CONFIG: '/nonexistent',
    HOME: '/nonexistent',
  });
});

afterEach(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

it('AWS: the SDK for JavaScript gets the placeholder keys (PX-34)', async () => {
  const client = new S3Client({ region: 'eu-central-1' });
  const credentials = await client.config.credentials();
  expect(credentials).toMatchObject({
    accessKeyId: 'ASIAPLACEHOLDER',
    secretAccessKey: 'placeholder-secret',
    sessionToken: 'placeholder-token',
  });
  expect(credentials.expiration?.getTime()).toBe(notAfter);
  expect(asked).toEqual(['GET /v1/credentials/s3 200']);
  client.destroy();
});

it('AWS: without the token of the session it gets none (PX-34)', async () => {
  process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = 'another';
  const client = new S3Client({ region: 'eu-central-1' });
  await expect(client.config.credentials()).rejects.toThrow();
  expect(new Set(asked)).toEqual(new Set(['GET /v1/credentials/s3 401']));
  client.destroy();
});

it('Google: google-auth-library gets the placeholder (PX-35)', async () => {
  const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' });
  expect(await auth.getAccessToken()).toBe('ya29.placeholder');
  expect(await auth.getProjectId()).toBe('acme');
  expect(asked.some((line) => line.includes('/service-accounts/default/token'))).toBe(true);
});

it('Google: an identity token is denied (PX-35)', async () => {
  const client = await new GoogleAuth().getIdTokenClient('https://run.example.com');
  await expect(client.getRequestHeaders()).rejects.toThrow(/403|denied|forbidden/i);
});

it('Azure: @azure/identity gets the placeholder', async () => {
  const credential = new ManagedIdentityCredential();
  const token = await credential.getToken('https://vault.azure.net/.default');
  expect(token.token).toBe('eyJ.placeholder');
  expect(token.expiresOnTimestamp).toBe(notAfter);
  await expect(credential.getToken('https://graph.microsoft.com/.default')).rejects.toThrow();
});

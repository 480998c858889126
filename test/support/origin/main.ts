// One address that is all vendors by their names, over TLS: node main.mjs ADDRESS CERT KEY FOLDER. Makes all secrets itself, and
// tells what the host needs of them in FOLDER/environment. Prints `ready`, then a line of JSON for each secret and each
// request, and at its end one for the tokens that still live.

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CloudRequest } from '../clouds/cloud.ts';
import { createGithub } from '../clouds/github.ts';
import { startEntra } from '../clouds/entra.ts';
import { startGoogle } from '../clouds/google.ts';
import { createNpmRegistry } from '../clouds/npm.ts';
import { createOidc } from '../clouds/oidc.ts';
import { startS3 } from '../clouds/s3.ts';
import { startSts } from '../clouds/sts.ts';
import { azureVault, googleStorage } from './clouds.ts';
import { forwardTo } from './forward.ts';
import { serveGit } from './git.ts';
import { githubApi } from './github.ts';
import { createImages } from './images.ts';
import { anthropicApi, openaiApi } from './models.ts';
import * as names from './names.ts';
import { npmRegistry } from './npm.ts';
import type { Site, SiteAnswer } from './site.ts';

const [address, certFile = '', keyFile = '', folder = ''] = process.argv.slice(2);
const say = (line: object): void => console.log(JSON.stringify(line));
const random = (): string => randomBytes(30).toString('base64url');

const oidc = await createOidc();
const isToken = (token: unknown, audience: string): Promise<boolean> =>
  oidc.verify(String(token), audience).then(
    () => true,
    () => false,
  );
const github = createGithub();
const npm = createNpmRegistry(oidc, { [names.PACKAGE]: '2' }, { host: names.NPM });
const keys = {
  accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString('base64'),
  sessionToken: randomBytes(150).toString('base64'),
};
const google = `ya29.${random()}`;
const azure = `eyJ0.${random()}`;
const [anthropic, openai, password] = [`sk-ant-api03-${random()}`, `sk-proj-${random()}`, random()];
const images = createImages({
  realms: names.REALMS,
  realm: names.REALM,
  user: names.IMAGES_USER,
  password,
});

const sts = await startSts({ role: names.ROLE, keys, isToken });
const s3 = await startS3({ bucket: names.BUCKET, keys, region: names.REGION });
const iam = await startGoogle({ provider: names.GOOGLE_PROVIDER, token: google, isToken });
const entra = await startEntra({ ...names.AZURE, token: azure, isToken });

const sites: Site[] = [
  oidc,
  githubApi(github),
  { hosts: ['github.com'], serve: serveGit(folder, (text) => github.live.has(text)) },
  { hosts: ['sts.us-east-1.amazonaws.com'], serve: forwardTo(sts.port) },
  { hosts: [`s3.${names.REGION}.amazonaws.com`], serve: forwardTo(s3.port) },
  { hosts: ['sts.googleapis.com', 'iamcredentials.googleapis.com'], serve: forwardTo(iam.port) },
  { hosts: ['login.microsoftonline.com'], serve: forwardTo(entra.port) },
  googleStorage(google),
  azureVault(names.VAULT, azure),
  anthropicApi(anthropic),
  openaiApi(openai),
  npmRegistry(npm, names.PACKAGE),
  ...images.sites,
];

const said = new Set<string>();
function saySecrets(): void {
  const parts = [keys.secretAccessKey, keys.sessionToken, google, azure, anthropic, openai];
  const made = [...github.live, ...npm.live, ...images.tokens];
  const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: request = '' } = oidc.environment;
  for (const secret of [...parts, password, github.key, request, ...made]) {
    if (!said.has(secret)) say({ secret });
    said.add(secret);
  }
}

writeFileSync(
  join(folder, 'environment'),
  Object.entries({
    ...oidc.environment,
    GITHUB_ACTIONS: 'true',
    GITHUB_REPOSITORY: 'acme/app',
    GITHUB_SERVER_URL: 'https://github.com',
    APP_KEY: github.key,
    MODEL_KEY_A: anthropic,
    MODEL_KEY_O: openai,
    IMAGES_PASSWORD: password,
  })
    .map(([name, value]) => `${name}='${value}'\n`)
    .join(''),
);

const byHost = new Map(sites.flatMap((site) => site.hosts.map((host) => [host, site] as const)));

function onRequest(incoming: IncomingMessage | Http2ServerRequest, outgoing: unknown): void {
  const request = incoming as IncomingMessage;
  const response = outgoing as ServerResponse;
  const host = String(request.headers[':authority'] ?? request.headers.host).replace(/:\d+$/, '');
  const { method = '', url = '/' } = request;
  response.on('close', () => {
    saySecrets();
    say({
      host,
      method,
      url: url.replace(/\/[^/?]{40,}$/, '/…').replace(/\?.{40,}$/, '?…'),
      status: response.statusCode,
    });
  });
  const site = byHost.get(host);
  if (site === undefined) response.writeHead(404).end();
  else if ('serve' in site) site.serve(request, response);
  else void answer(site, host, request, response);
}

async function answer(
  site: Extract<Site, { answer: unknown }>,
  host: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(`https://${host}${incoming.url ?? '/'}`);
  const request: CloudRequest = {
    method: incoming.method ?? '',
    host,
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers as Record<string, string | undefined>,
    body: Buffer.concat(chunks).toString(),
  };
  const { status, headers, body, events }: SiteAnswer = (await Promise.resolve()
    .then(() => site.answer(request))
    .catch((error: unknown) => ({ status: 500, body: String(error) }))) ?? { status: 404 };
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  for (const event of events ?? []) {
    response.write(event);
    await sleep(20);
  }
  const isPlain = typeof body === 'string' || Buffer.isBuffer(body);
  if (status === 204 || events !== undefined) response.end();
  else response.end(isPlain ? body : JSON.stringify(body ?? {}));
}

process.on('SIGTERM', () => {
  say({ live: [...github.live, ...npm.live].length });
  process.exit(0);
});

saySecrets();
createSecureServer(
  { cert: readFileSync(certFile), key: readFileSync(keyFile), allowHTTP1: true },
  onRequest,
).listen(443, address, () => console.log('ready'));

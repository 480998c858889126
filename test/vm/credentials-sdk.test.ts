// The vendors' own clients, as they are, where no configuration tells them of a sandbox: they look for credentials where they
// always do, find placeholders, and what they ask is answered as if those were real.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { leaksOf, runClients } from '../support/client-run.ts';
import type { ClientRun } from '../support/client-run.ts';
import { AZURE, BUCKET, GOOGLE_PROVIDER, REGION, ROLE, VAULT } from '../support/origin/names.ts';

const S3 = `s3.${REGION}.amazonaws.com`;
const POLICY = `version: 1
network:
  allow:
    - {host: ${S3}, methods: [GET, PUT], paths: ["/${BUCKET}/**"]}
    - {host: storage.googleapis.com, methods: [GET], paths: ["/storage/v1/b/acme/**"]}
    - {host: ${VAULT}, methods: [GET], paths: ["/secrets/*"]}
    - {host: [api.anthropic.com, api.openai.com], methods: [POST], paths: ["/v1/**"]}
credentials:
  - id: s3
    provider: aws
    request:
      role: ${ROLE}
      actions: ["s3:GetObject", "s3:PutObject"]
      resources: ["arn:aws:s3:::${BUCKET}/*"]
    expose: {metadata: true}
    bind: [{host: ${S3}, sign: {service: s3, region: ${REGION}}}]
  - id: storage
    provider: gcp
    request: {provider: ${GOOGLE_PROVIDER}, scopes: ["https://www.googleapis.com/auth/devstorage.read_only"]}
    expose: {metadata: true}
    bind: [{host: storage.googleapis.com, methods: [GET]}]
  - id: vault
    provider: azure
    request: {tenant: ${AZURE.tenant}, client: ${AZURE.client}, scope: "https://vault.azure.net/.default"}
    expose: {metadata: true}
    bind: [{host: ${VAULT}, methods: [GET]}]
  - {id: claude, provider: env, request: {name: MODEL_KEY_A}, expose: {env: [ANTHROPIC_API_KEY]}, bind: [{host: api.anthropic.com}]}
  - {id: gpt, provider: env, request: {name: MODEL_KEY_O}, expose: {env: [OPENAI_API_KEY]}, bind: [{host: api.openai.com}]}
`;
const SCRIPTS = ['s3', 'google', 'azure', 'models'] as const;
const GUEST = [
  `node s3.mjs ${BUCKET} ${REGION} 2>&1`,
  'node google.mjs 2>&1',
  `node azure.mjs ${VAULT} 2>&1`,
  'node models.mjs 2>&1',
].join('\n');
/** Bundles of an SDK take an emulated machine a while to read. */
const SLOW = 900_000;
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let run: ClientRun;

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  run = await runClients(rig, { policy: POLICY, guest: GUEST, scripts: SCRIPTS });
}, SLOW);
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

const answers = (host: string, start = ''): number[] =>
  run.seen
    .filter(({ host: at, method, url }) => at === host && `${method} ${url}`.startsWith(start))
    .map(({ status }) => status);
const line = (start: string): string =>
  run.stdout.split('\n').find((text) => text.startsWith(`${start} `)) ?? '';
const denied = (request: string): unknown =>
  rig.denials().find((record) => record.request === request)?.rule?.id;

describe("AWS's client", () => {
  it('finds placeholder keys at the address of containers, and what it signs is signed anew', () => {
    expect(line('s3'), run.stdout + run.stderr).toBe('s3 kept text');
    expect(run.stdout).toMatch(/^s3 key ASIAASBX[A-Z2-7]{32}$/m);
    expect(answers(S3, `PUT /${BUCKET}/a%20b/`)).toEqual([200]);
    expect(answers('sts.us-east-1.amazonaws.com')).toEqual([200]);
  });

  it('gets no signature for another region', () => {
    expect(run.stdout).toMatch(/^s3 elsewhere 403$/m);
    expect(answers(S3, 'GET')).toEqual([200]);
    expect(denied(`GET https://${S3}/${BUCKET}/a%20b/%C3%A9.txt`)).toBe('builtin/credential-sign');
  });
});

describe("Google's client", () => {
  it('finds a placeholder at the metadata server, and reads what its token may read', () => {
    expect(line('google'), run.stdout).toContain('"name":"report.csv"');
    expect(line('google')).toMatch(/"authorization":"Bearer ya29\.asbx[a-z2-7]{32}"/);
    expect(answers('storage.googleapis.com')).toEqual([200]);
    expect(answers('sts.googleapis.com')).toEqual([200]);
    expect(denied('resolve metadata.google.internal')).toBeUndefined();
  });
});

describe("Azure's client", () => {
  it('finds a placeholder at the identity endpoint, and reads what its token may read', () => {
    expect(line('azure'), run.stdout).toContain('"value":"good day"');
    expect(line('azure')).toMatch(/"authorization":"Bearer eyJ[\w-]+\.[\w-]+\.asbx[a-z2-7]{32}"/);
    expect(answers(VAULT)).toEqual([200]);
    expect(answers('login.microsoftonline.com')).toEqual([200]);
  });
});

describe('a client of models', () => {
  for (const [name, key] of [
    ['anthropic', 'sk-ant-api03-'],
    ['openai', 'sk-proj-'],
  ] as const)
    it(`of ${name} gets whole answers and streams, with its placeholder where they say the key`, () => {
      const text = new RegExp(`^${name} hello ${key}asbx[a-z2-7]{32}$`, 'm');
      const streamed = new RegExp(`^${name} stream hello ${key}asbx[a-z2-7]{32}$`, 'm');
      expect(run.stdout, run.stderr).toMatch(text);
      expect(run.stdout, run.stderr).toMatch(streamed);
    });

  it('may show its key in either header that the vendor reads', () => {
    expect(line('anthropic x-api-key')).toBe('anthropic x-api-key 200');
    expect(answers('api.anthropic.com')).toEqual([200, 200, 200]);
  });

  it('shows the key of one vendor to no other', () => {
    expect(line('wrong')).toBe('wrong 403 builtin/placeholder');
    expect(answers('api.openai.com')).toEqual([200, 200]);
    expect(run.records).toContainEqual(
      expect.objectContaining({ type: 'alert', alert: 'placeholder.misplaced' }),
    );
  });
});

describe('what was minted', () => {
  it('was minted once each, with the identity of the run', () => {
    const mints = run.records.filter(({ type }) => type === 'credential.mint');
    expect(mints.map(({ credential }) => String(credential)).sort()).toEqual([
      'claude',
      'gpt',
      's3',
      'storage',
      'vault',
    ]);
    expect(run.stderr).toContain('credentials minted and used: s3 (2 requests)');
  });

  it('is nowhere in what the guest saw and the session left', () => {
    expect(run.secrets.length).toBeGreaterThan(6);
    expect(leaksOf(rig, run)).toEqual([]);
  });
});

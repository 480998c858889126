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
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let run: ClientRun;

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  run = await runClients(rig, { policy: POLICY, guest: GUEST, scripts: SCRIPTS });
  if (process.env['SHOW']) {
    console.log(run.stdout, run.stderr, run.seen, run.live);
    console.log(run.records.filter((r) => /cred|alert/.test(r.type) || r.effect === 'deny'));
  }
});
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

describe('S3', () => {
  it('works', () => {
    expect(run.stdout, run.stderr).toMatch(/^s3 kept text$/m);
    expect(leaksOf(rig, run)).toEqual([]);
  });
});

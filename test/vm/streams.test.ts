// Conversations through inspected connections, by the clients that programs use for them: gRPC, WebSocket, server-sent events.

import { build } from 'esbuild';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import { runOffline } from '../support/offline.ts';

const HOST = 'live.example.com';
const POLICY = `version: 1
network:
  allow:
    - {id: reading, host: ${HOST}, methods: [GET], paths: ["/read/*"]}
    - {id: calling, host: ${HOST}, ports: [50051], methods: [POST], paths: ["/demo.Open/*"]}
`;
const isRoot = process.getuid?.() === 0;

interface Seen {
  name: string;
  status?: number;
  phrase?: string;
  text?: string;
  heard?: string[];
  answer?: string;
  error?: string;
  code?: number;
  rule?: string;
}

let rig: CliRig;
let heard = '';
let output = '';
let denied: (string | undefined)[] = [];

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  // In one file: the guest sees the workspace, not the packages of this repository.
  await build({
    entryPoints: [join(import.meta.dirname, '../fixtures/clients/streams.mjs')],
    outfile: join(rig.workspace, 'streams.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; import { dirname as __dir } from 'node:path'; const require = createRequire(import.meta.url); const __dirname = __dir(import.meta.filename);",
    },
  });
  const result = await runOffline(rig, {
    hosts: [HOST],
    origin: 'streams-origin.mjs',
    folder: rig.root,
    policy: POLICY,
    guest: `node streams.mjs ${HOST}`,
  });
  heard = result.heard;
  output = `${result.stdout}\n${result.stderr}`;
  denied = rig.denials().map(({ request }) => request);
});
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

function seen(name: string): Seen {
  const line = output.split('\n').find((one) => one.startsWith(`{"name":"${name}"`));
  expect(line, output).toBeDefined();
  return JSON.parse(line ?? '') as Seen;
}

describe('server-sent events', () => {
  it('arrive one by one where a rule allows them', () => {
    expect(seen('events')).toMatchObject({ status: 200, text: 'data: first\n\ndata: second\n\n' });
  });

  it('are denied with the rule', () => {
    const { status, text } = seen('events denied');
    expect(status).toBe(403);
    expect(text).toContain(`request  GET https://${HOST}/secret/events`);
    expect(text).toContain('rule     builtin/default');
    expect(denied).toContain(`GET https://${HOST}/secret/events`);
    expect(heard).not.toContain('/secret/events');
  });
});

describe('a WebSocket', () => {
  it('carries messages both ways where a rule allows it', () => {
    expect(seen('websocket').heard).toEqual(['echo one', 'echo xxx']);
    expect(heard).toContain('UPGRADE /read/socket');
  });

  it('is denied with 403, and the rule in what the client can read', () => {
    expect(seen('websocket denied').error).toContain('403');
    const { status, phrase, text } = seen('websocket answer');
    expect(status).toBe(403);
    expect(phrase).toBe('Forbidden (agent-sandbox rule builtin/default)');
    expect(text).toContain(`request  GET https://${HOST}/secret/socket`);
    expect(denied).toContain(`GET https://${HOST}/secret/socket`);
    expect(heard).not.toContain('UPGRADE /secret/socket');
  });
});

describe('gRPC', () => {
  it('calls what a rule allows, one answer or many', () => {
    expect(seen('grpc').answer).toBe('echo hello');
    expect(seen('grpc stream').heard).toEqual(['echo one', 'echo two']);
    expect(heard).toContain('GRPC /demo.Open/Say');
  });

  it('is denied with PERMISSION_DENIED, and the rule in the message', () => {
    for (const [name, method] of [
      ['grpc denied', 'Say'],
      ['grpc stream denied', 'Chat'],
    ] as const) {
      const { code, error } = seen(name);
      expect(code).toBe(7);
      expect(error).toContain(`POST https://${HOST}:50051/demo.Closed/${method}`);
      expect(error).toContain('builtin/default');
      expect(denied).toContain(`POST https://${HOST}:50051/demo.Closed/${method}`);
    }
    expect(seen('grpc denied').rule).toBe('builtin/default');
    expect(heard).not.toContain('demo.Closed');
  });
});

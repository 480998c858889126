// The clients that languages bring, with unmodified settings: each is let do what a rule allows, and shows its user a denial.

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CliRig } from '../support/cli.ts';
import type { LogRecord } from '../support/cli.ts';
import { runOffline } from '../support/offline.ts';

const HOST = 'api.example.com';
/** In the guest; the allowed request comes first, the denied one second and on the same connection. */
const CLIENTS: Readonly<Record<string, string>> = {
  "python's requests": '/usr/bin/python3 client.py',
  // Interpreted: code that its compiler writes while another processor runs it can crash on emulated processors.
  "Java's HttpClient": 'java -Xint -cp . Client',
  "Go's net/http": './client',
};
/** Java starts slowly in an emulated machine, and Go is compiled first. */
const SLOW = 900_000;
const isRoot = process.getuid?.() === 0;

let rig: CliRig;
let heard = '';
let denials: LogRecord[] = [];

beforeAll(async () => {
  rig = new CliRig();
  if (!isRoot) return;
  const source = (name: string): string => join(import.meta.dirname, '../fixtures/clients', name);
  copyFileSync(source('client.py'), join(rig.workspace, 'client.py'));
  execFileSync('javac', ['-d', rig.workspace, source('Client.java')]);
  // Without cgo: one static file, and Go's own resolver, as its containers have it.
  execFileSync('go', ['build', '-o', join(rig.workspace, 'client'), source('client.go')], {
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
  });
  const guest = Object.values(CLIENTS).map(
    (command, index) =>
      `${command} https://${HOST}/read/${index} https://${HOST}/secret/${index} > ${index}.out 2>&1`,
  );
  ({ heard } = await runOffline(rig, {
    hosts: [HOST],
    origin: 'origin.mjs',
    folder: rig.root,
    policy: `version: 1\nnetwork:\n  allow:\n    - {id: reading, host: ${HOST}, methods: [GET], paths: ["/read/*"]}\n`,
    guest: guest.join('\n'),
  }));
  denials = rig.denials();
}, SLOW);
afterAll(() => rig.remove());
beforeEach((context) => {
  if (!isRoot) context.skip('a network namespace with addresses of its own needs root');
});

describe('a request of', () => {
  for (const [index, name] of Object.keys(CLIENTS).entries())
    it(`${name} is judged by method and path, and its denial can be read`, () => {
      const output = rig.read(`${index}.out`);
      expect(output).toContain(`"url":"/read/${index}"`);
      expect(output).toMatch(/^403 /m);
      expect(output).toContain(`request  GET https://${HOST}/secret/${index}`);
      expect(output).toContain('rule     builtin/default');
      expect(heard).toContain(`GET /read/${index} `);
      expect(heard).not.toContain(`/secret/${index}`);
      expect(denials).toContainEqual(
        expect.objectContaining({ request: `GET https://${HOST}/secret/${index}` }),
      );
    });

  it('a client that shows only the status line says who denied it', () => {
    expect(rig.read('0.out')).toContain('Forbidden (agent-sandbox rule builtin/default) for url');
  });
});

import type { ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CliRig, collect } from '../support/cli.ts';
import { startCloud } from '../support/clouds/cloud.ts';
import type { Cloud } from '../support/clouds/cloud.ts';
import { createGithub } from '../support/clouds/github.ts';
import type { Github } from '../support/clouds/github.ts';

let rig: CliRig;
let cloud: Cloud;
let github: Github;
beforeEach(async () => {
  rig = new CliRig();
  github = createGithub({ host: 'localhost' });
  cloud = await startCloud(github);
  writeFileSync(join(rig.root, 'app.pem'), github.key, { mode: 0o600 });
  writeFileSync(join(rig.root, 'ca.pem'), cloud.ca);
});
afterEach(async () => {
  await cloud.close();
  rig.remove();
});

// Where the value would go there is nobody: the token is minted, and the request fails.
const policy = (): string => `version: 1
network: {allow: [{host: host.sandbox.internal, ports: [9]}]}
limits: {timeout: 200s}
credentials:
  - id: gh
    provider: github-app
    request: {app: ${github.app}, key: {file: ${join(rig.root, 'app.pem')}}, repositories: [acme/app], permissions: {contents: read}, api: "https://localhost:${cloud.port}"}
    expose: {env: [GH_TOKEN]}
    bind: [{host: host.sandbox.internal, ports: [9]}]
`;
const environment = (): Record<string, string> => ({
  XDG_STATE_HOME: join(rig.root, 'state'),
  NODE_EXTRA_CA_CERTS: join(rig.root, 'ca.pem'),
});
const journal = (): string[] => readdirSync(join(rig.root, 'state/agent-sandbox/live-credentials'));
const USE = 'curl -s -m 60 -H "authorization: Bearer $GH_TOKEN" https://host.sandbox.internal:9/';

function start(script: string): ChildProcess {
  return rig.start(
    ['run', '--policy', rig.policy(policy()), '--', 'sh', '-c', script],
    environment(),
  );
}

/** Until the guest has a token in use. */
async function minted(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  expect(github.live.size).toBe(1);
  expect(journal()).toHaveLength(1);
}

describe('a token', () => {
  it('ends with a command that ends', async () => {
    const { code, stderr, stdout } = await collect(start(`${USE}; env; exit 4`));
    expect(code).toBe(4);
    expect(github.live.size).toBe(0);
    expect(journal()).toEqual([]);
    expect(stderr).toContain('credentials minted and used: gh (1 request)');
    expect(stdout).toMatch(/GH_TOKEN=ghs_asbx/);
    const log = readFileSync(join(rig.sessions().at(-1) ?? '', 'decisions.jsonl'), 'utf8');
    expect(log).toContain('"credential.revoke"');
    expect(log).not.toMatch(/ghs_123/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with a run that gets %s', async (signal) => {
    const child = start(`${USE}; echo used; exec sleep 1000`);
    const result = collect(child);
    await minted(child);
    child.kill(signal);
    await result;
    expect(github.live.size).toBe(0);
    expect(journal()).toEqual([]);
  });

  it('of a process that is killed ends with the next start', async () => {
    const child = start(`${USE}; echo used; exec sleep 1000`);
    const result = collect(child);
    await minted(child);
    child.kill('SIGKILL');
    await result;
    expect(github.live.size).toBe(1);
    const next = rig.start(['run', '--', 'true'], environment());
    const { code, stderr } = await collect(next);
    expect(code).toBe(0);
    expect(stderr).toContain('revoked 1 credential that a session left');
    expect(github.live.size).toBe(0);
    expect(journal()).toEqual([]);
  });
});

describe('without an identity', () => {
  it('a run starts without what would need one, and says what is missing', async () => {
    const text = `version: 1
network: {allow: [{host: host.sandbox.internal, ports: [9]}]}
credentials:
  - {id: sts, provider: octo-sts, request: {scope: acme/app, identity: agent}, expose: {env: [GH_TOKEN]}, bind: [{host: host.sandbox.internal, ports: [9]}]}
`;
    const { code, stderr, stdout } = await rig.run(['env'], { policy: text });
    expect(code).toBe(0);
    expect(stdout).not.toContain('GH_TOKEN');
    expect(stderr).toContain('id-token: write');
    expect(rig.records().find(({ type }) => type === 'credential.refuse')).toMatchObject({
      credential: 'sts',
      reason: 'no_identity',
    });
  });

  it('a policy that asks for one starts nothing', async () => {
    const { code, stderr } = await rig.run(['true'], {
      policy: 'version: 1\nrequire: {identity: oidc}\n',
    });
    expect(code).toBe(125);
    expect(stderr).toContain('id-token: write');
  });
});

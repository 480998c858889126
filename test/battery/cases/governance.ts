// The policy and the log themselves under attack.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { verifyLog } from '../../../src/log/verify.ts';
import type { Case } from '../case.ts';
import type { Rig } from '../rig.ts';
import { runCli, startSandbox } from '../sandbox.ts';

const EMPTY = {
  'an empty list': 'network: {allow: []}',
  'an empty section': 'network: {}',
  'no section': '',
  'a section of nothing': 'network:',
};

const INVALID: Record<string, string> = {
  'unknown key': 'version: 1\nnetwrok: {}\n',
  'wrong type': 'version: 1\nnetwork: {allow: yes}\n',
  'typing error': 'version: 1\nnetwork: {alow: []}\n',
  'duplicate key': 'version: 1\nmode: enforce\nmode: audit\n',
  'an anchor': 'version: 1\nnetwork: &a {allow: []}\nfilesystem: *a\n',
  'two documents': 'version: 1\n---\nversion: 1\n',
  'a tab': 'version: 1\nnetwork:\n\tallow: []\n',
  'a rule that is not enforced': 'version: 1\nnetwork: {allow: [{host: a.test, method: [GET]}]}\n',
  'too large': `version: 1\n${'# x\n'.repeat(3_000_000)}`,
};

async function tryEmpty(rig: Rig): Promise<string | undefined> {
  for (const [name, text] of Object.entries(EMPTY)) {
    const policy = rig.writePolicy('empty', `version: 1\n${text}\n`);
    const argv = [
      'run',
      '--policy',
      policy,
      '--workspace',
      rig.newWorkspace('empty'),
      '--log-dir',
      join(rig.logs, 'empty'),
      '--quiet',
      '--',
    ];
    rig.ground.take();
    const { out, code } = await runCli(rig, [
      ...argv,
      'sh',
      '-c',
      'curl -sk --max-time 10 https://allowed.test/ https://blocked.test/ http://93.184.0.10/; echo RAN',
    ]);
    if (!out.includes('RAN')) return `${name}: the command did not run (exit ${code})`;
    if (out.includes('ORIGIN:') || rig.ground.take().length > 0) return `${name} allows`;
  }
  return undefined;
}

async function tryInvalid(rig: Rig): Promise<string | undefined> {
  const logs = join(rig.logs, 'invalid');
  for (const [name, text] of Object.entries(INVALID)) {
    const policy = rig.writePolicy('invalid', text);
    const workspace = rig.newWorkspace('invalid');
    const { code, err } = await runCli(rig, [
      'run',
      '--policy',
      policy,
      '--workspace',
      workspace,
      '--log-dir',
      logs,
      '--',
      'sh',
      '-c',
      'touch ran',
    ]);
    if (code !== 125) return `${name}: exit ${code}`;
    if (existsSync(join(workspace, 'ran'))) return `${name}: the command ran`;
    if (!/invalid\.yml:\d+:\d+/.test(err))
      return `${name}: no file:line:column in ${err.slice(0, 200)}`;
    if (existsSync(logs) && readdirSync(logs).length > 0) return `${name}: a session was begun`;
  }
  return undefined;
}

async function tryEdit(rig: Rig): Promise<string | undefined> {
  const workspace = rig.newWorkspace('edited');
  const text =
    'version: 1\nnetwork: {allow: [{host: allowed.test}]}\nfilesystem: {allow: [{path: ., access: write}]}\n';
  const file = join(workspace, '.github/agent-sandbox.yml');
  mkdirSync(join(workspace, '.github'));
  writeFileSync(file, text);
  const sandbox = await startSandbox(rig, { name: 'edited', policy: text, workspace });
  const logs = join(rig.logs, 'edited-own');
  try {
    const attack =
      'echo "version: 1" > .github/agent-sandbox.yml; echo x > t; mv t .github/agent-sandbox.yml; rm -f .github/agent-sandbox.yml; mv .github g; curl -sk --max-time 10 https://blocked.test/';
    // The policy in force here is the file in the workspace: no --policy.
    rig.ground.take();
    const { out } = await runCli(rig, [
      'run',
      '--workspace',
      workspace,
      '--log-dir',
      logs,
      '--quiet',
      '--',
      'sh',
      '-c',
      `cd ${workspace}; ${attack}; echo RAN`,
    ]);
    if (!out.includes('RAN')) return 'the command did not run';
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text)
      return 'the policy in force was changed';
    if (out.includes('ORIGIN:') || rig.ground.take().length > 0) return 'the change took effect';
    const [session = ''] = readdirSync(logs);
    const first = readFileSync(join(logs, session, 'decisions.jsonl'), 'utf8').split('\n');
    const digests = new Set(
      first
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { policyDigest: string }).policyDigest),
    );
    return digests.size === 1 ? undefined : `${digests.size} policy digests on record`;
  } finally {
    await sandbox.close();
  }
}

/** Every log of the battery: whole, and each decision with all its fields. */
function checkLogs(rig: Rig): string | undefined {
  let count = 0;
  for (const name of readdirSync(rig.logs)) {
    for (const session of readdirSync(join(rig.logs, name))) {
      const file = join(rig.logs, name, session, 'decisions.jsonl');
      if (!existsSync(file)) continue;
      const { status, code, message } = verifyLog(file);
      // Sessions still live, or killed on purpose, have no end yet: nothing else may be wrong with them.
      if (status !== 'ok' && code !== 'no-end') return `${name}: ${status}: ${message}`;
      if (/[\u0000-\u0009\u000b-\u001f\u007f]|##\[|^forged/m.test(readFileSync(file, 'utf8')))
        return `${name}: something raw or forged`;
      count += 1;
    }
  }
  return count > 0 ? undefined : 'there is no log';
}

function verdictOf(
  fault: string | undefined,
  good: string,
): { verdict: 'CONTAINED' | 'ESCAPED'; detail: string } {
  return fault === undefined
    ? { verdict: 'CONTAINED', detail: good }
    : { verdict: 'ESCAPED', detail: fault };
}

export const GOVERNANCE: readonly Case[] = [
  {
    id: 'P01',
    title: 'an empty allowlist allows nothing',
    tier: 'G',
    expect: 'deny',
    own: async (rig) =>
      verdictOf(await tryEmpty(rig), `${Object.keys(EMPTY).length} kinds of empty`),
  },
  {
    id: 'P02',
    title: 'an invalid policy starts nothing and says where',
    tier: 'G',
    expect: 'fail-closed',
    own: async (rig) =>
      verdictOf(await tryInvalid(rig), `${Object.keys(INVALID).length} kinds of invalid`),
  },
  {
    id: 'P05',
    title: 'the policy in force cannot be edited',
    tier: 'G',
    expect: 'deny',
    own: async (rig) => verdictOf(await tryEdit(rig), 'unchanged'),
  },
  {
    id: 'P10',
    title: 'names that would forge a record',
    tier: 'G',
    expect: 'deny',
    control: { none: 'there is no log without a sandbox' },
    check: ({ rig }) => checkLogs(rig),
  },
  {
    id: 'P14',
    title: 'every log is whole and every denial has its record',
    tier: 'G',
    expect: 'deny',
    own: (rig) => Promise.resolve(verdictOf(checkLogs(rig), 'all chains verify')),
  },
];

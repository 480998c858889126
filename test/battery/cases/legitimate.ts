// Work that must go on in the sandbox, before the attacks and after them.
import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { verifyLog } from '../../../src/log/verify.ts';
import type { Aftermath, Case } from '../case.ts';
import { DOWNLOAD_DIGEST } from '../origins.ts';
import { batteryPolicy } from '../policies.ts';
import { listMachines } from '../residue.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';

/** What `L05` wrote, as the host sees it. */
export function checkWritten({ workspace }: Aftermath): string | undefined {
  const file = join(workspace, 'out/f');
  const owner = statSync(workspace);
  if (readFileSync(file, 'utf8') !== 'hi') return 'out/f does not hold "hi"';
  if ((statSync(file).mode & 0o7777) !== 0o755) return 'out/f has another mode than 755';
  if (statSync(file).uid !== owner.uid) return 'out/f has another owner than the workspace';
  if (
    !lstatSync(join(workspace, 'out/l')).isSymbolicLink() ||
    readlinkSync(join(workspace, 'out/l')) !== 'f'
  )
    return 'out/l is no link to "f"';
  return undefined;
}

/** Starts a session that waits, ends it by `end`, and looks at how it went. */
async function checkEnd(
  start: () => Promise<Sandbox>,
  end: (sandbox: Sandbox) => void,
  expected: number,
): Promise<{ verdict: 'WORKS' | 'BROKEN'; detail: string; sandbox: Sandbox }> {
  const before = listMachines();
  const sandbox = await start();
  const own = [...listMachines()].filter((pid) => !before.has(pid));
  end(sandbox);
  const { code, err } = await sandbox.exited;
  const after = listMachines();
  const left = own.filter((pid) => after.has(pid));
  const { status } = verifyLog(join(sandbox.directory, 'decisions.jsonl'));
  const isGood = code === expected && status === 'ok' && own.length === 1 && left.length === 0;
  const detail = `exit ${code}, log ${status}, ${left.length} of ${own.length} machines left: ${err.slice(-200)}`;
  return { verdict: isGood ? 'WORKS' : 'BROKEN', detail, sandbox };
}

export const LEGITIMATE: readonly Case[] = [
  { id: 'L01', title: 'HTTPS to an allowed host', tier: 'G', expect: 'allow' },
  { id: 'L02', title: 'HTTP to an allowed host', tier: 'G', expect: 'allow' },
  { id: 'L03', title: 'requests that a rule names, judged', tier: 'G', expect: 'allow' },
  { id: 'L04', title: 'a server on the guest’s own loopback', tier: 'G', expect: 'allow' },
  {
    id: 'L05',
    title: 'files written are on the host with mode, owner and links',
    tier: 'G',
    expect: 'allow',
    check: checkWritten,
  },
  { id: 'L10', title: 'clients that know no proxy', tier: 'G', expect: 'allow' },
  { id: 'L11', title: 'the tool cache runs and cannot be written', tier: 'G', expect: 'allow' },
  {
    id: 'L13',
    title: 'a large download arrives whole',
    tier: 'G',
    expect: 'allow',
    principals: ['agent'],
    check: ({ output }) =>
      output.out.includes(DOWNLOAD_DIGEST) ? undefined : 'the digest differs',
  },
  {
    id: 'L14',
    title: 'a WebSocket where a rule lets it, and a reason where none does',
    tier: 'G',
    expect: 'allow',
  },
  {
    id: 'L16',
    title: 'clock, random numbers and certificate checks',
    tier: 'G',
    expect: 'allow',
    check: ({ output }) => {
      const nanoseconds = Number(/clock (\d+)/.exec(output.out)?.[1] ?? 0);
      // The run ended a moment ago: later than the host's clock, or much earlier, is wrong.
      const behind = Date.now() - nanoseconds / 1e6;
      return behind > -1000 && behind < 30_000
        ? undefined
        : `the guest's clock is ${Math.round(behind)} ms behind`;
    },
  },
  {
    id: 'L07',
    title: 'a time limit ends the session with 124',
    tier: 'G',
    expect: 'allow',
    own: async (rig) => {
      const { sandbox, ...end } = await checkEnd(
        () =>
          startSandbox(rig, {
            name: 'timeout',
            policy: batteryPolicy(rig, 'agent'),
            options: ['--timeout', '5s'],
            command: ['sleep', '600'],
          }),
        () => undefined,
        124,
      );
      const isOnRecord = sandbox
        .takeRecords()
        .some((record) => JSON.stringify(record.fields).includes('timeout'));
      return isOnRecord ? end : { verdict: 'BROKEN', detail: 'no record of the timeout' };
    },
  },
  {
    id: 'L08',
    title: 'a cancelled run ends with 143 and a whole log',
    tier: 'G',
    expect: 'allow',
    own: async (rig) => {
      const { verdict, detail } = await checkEnd(
        () =>
          startSandbox(rig, {
            name: 'cancel',
            policy: batteryPolicy(rig, 'agent'),
            command: ['sh', '-c', 'echo READY; sleep 600'],
          }),
        (sandbox) => void sandbox.host.stdout?.once('data', () => sandbox.host.kill('SIGTERM')),
        143,
      );
      return { verdict, detail };
    },
  },
];

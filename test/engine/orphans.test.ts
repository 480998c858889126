import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { killOrphans, machineName } from '../../src/engine/orphans.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process with a machine's name among its arguments, and those that follow it. */
async function machine(
  name: string,
  rest: string[] = ['-nodefaults', '-no-user-config'],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [
    '-e',
    'console.log(1); setInterval(() => 0, 1e6)',
    '--',
    '-name',
    name,
    ...rest,
  ]);
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

describe('killOrphans', () => {
  it('ends the machines of processes that are gone, and no others', async () => {
    const name = machineName();
    const orphan = await machine(name.replace(/-\d+-/, '-4194304-'));
    const reused = await machine(name.replace(/-\d+-(\d+)$/, '-1-$1'));
    const kept = [
      await machine(name),
      await machine(name.replace(/-\d+-\d+-\d+$/, '-4194304-1-1')), // in another PID namespace
      await machine('agent-sandbox'),
      await machine('somebody-4194304-1-1'),
      await machine(name.replace(/-\d+-/, '-4194304-'), []), // looks for it, as find does
    ];
    const ended = Promise.all([once(orphan, 'exit'), once(reused, 'exit')]);
    expect(killOrphans().sort()).toEqual([orphan.pid, reused.pid].sort());
    await ended;
    expect(kept.map((child) => child.exitCode ?? child.signalCode)).toEqual(kept.map(() => null));
  });
});

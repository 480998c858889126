// Runs cases: in a session as its user and as guest root, and with enforcement off, which must let the attack succeed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Case, Principal, Result, Verdict } from './case.ts';
import { startControl } from './control.ts';
import type { Executor } from './executor.ts';
import { batteryPolicy, openPolicy } from './policies.ts';
import type { Rig } from './rig.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { isLogged, judge, parseSpoken, passes, recordFault } from './score.ts';

/** Time for what is on its way to a canary. */
const GRACE_MS = 250;

export interface Run {
  verdict: Verdict;
  detail: string;
  logged: boolean;
}

export interface Runner {
  runAll(cases: readonly Case[]): Promise<void>;
  results: Result[];
  close(): Promise<void>;
}

/** One run of a snippet, judged. */
export async function runSnippet(
  rig: Rig,
  test: Case,
  executor: Executor,
  principal: Principal,
): Promise<Run> {
  const nonce = rig.newNonce();
  const inside =
    executor.hostRoot === '/'
      ? executor.workspace
      : executor.workspace.slice(executor.hostRoot.length);
  const variables = rig.writeVariables(test.id, nonce, inside);
  await test.before?.(rig, executor.workspace);
  rig.ground.take();
  executor.takeRecords();
  const output = await executor.run(
    ['sh', join(rig.kit, 'case.sh'), variables, snippetOf(rig, test)],
    principal,
  );
  await sleep(GRACE_MS);
  const hits = rig.ground.take();
  const records = executor.takeRecords();
  const fault =
    (await test.check?.({
      rig,
      workspace: executor.workspace,
      hostRoot: executor.hostRoot,
      nonce,
      output,
      hits,
    })) ?? records.map(recordFault).find((text) => text !== undefined);
  const judged = judge(test, { spoken: parseSpoken(test.id, output), hits, fault, output });
  return { ...judged, logged: isLogged(test, records) };
}

function snippetOf(rig: Rig, test: Case): string {
  const python = join(rig.kit, 'snippets', `${test.snippet ?? test.id}.py`);
  return existsSync(python) ? python : join(rig.kit, 'snippets', `${test.snippet ?? test.id}.sh`);
}

export function createRunner(rig: Rig, note: (line: string) => void): Runner {
  const results: Result[] = [];
  const sessions = new Map<Principal, Sandbox>();
  let open: Sandbox | undefined;
  let count = 0;

  async function sessionFor(principal: Principal): Promise<Sandbox> {
    const known = sessions.get(principal);
    if (known?.isAlive()) return known;
    const fresh = await startSandbox(rig, {
      name: `${principal}-${(count += 1)}`,
      policy: batteryPolicy(rig, principal),
    });
    sessions.set(principal, fresh);
    return fresh;
  }

  async function runControl(test: Case): Promise<string> {
    const control = test.control ?? (test.expect === 'deny' ? 'guest' : 'namespace');
    if (typeof control === 'object') return `none: ${control.none}`;
    if (control === 'guest') {
      if (!open?.isAlive())
        open = await startSandbox(rig, { name: `open-${(count += 1)}`, policy: openPolicy(rig) });
      const { verdict, detail } = await runSnippet(rig, test, open, 'root');
      return `${verdict} (policy allows all: ${detail})`;
    }
    const executor = startControl(rig, rig.newWorkspace(`control-${(count += 1)}`));
    try {
      const { verdict, detail } = await runSnippet(rig, test, executor, 'root');
      return `${verdict} (no sandbox: ${detail})`;
    } finally {
      await executor.close();
    }
  }

  async function runOne(test: Case, principal: Principal, control: string): Promise<Result> {
    const start = performance.now();
    const session = test.alone
      ? await startSandbox(rig, {
          name: `alone-${(count += 1)}`,
          policy: batteryPolicy(rig, principal),
        })
      : await sessionFor(principal);
    let run: Run;
    try {
      run = await runSnippet(rig, test, session, principal);
      if (!test.alone && !session.isAlive())
        run = { verdict: 'BROKEN', detail: `the session ended: ${run.detail}`, logged: run.logged };
    } finally {
      if (test.alone) await session.close();
    }
    const verdict = settle(test, run, control);
    return toResult(test, { principal, verdict, detail: run.detail, control, start });
  }

  async function runCase(test: Case): Promise<Result[]> {
    const start = performance.now();
    if (test.notApplicable !== undefined)
      return [
        toResult(test, {
          principal: '-',
          verdict: 'NOT APPLICABLE',
          detail: test.notApplicable,
          control: '-',
          start,
        }),
      ];
    if (test.own) {
      const { verdict, detail } = await test.own(rig, await sessionFor('root'));
      return [toResult(test, { principal: 'host', verdict, detail, control: '-', start })];
    }
    const control = test.expect === 'allow' ? '-' : await runControl(test);
    const found: Result[] = [];
    for (const principal of test.principals ?? (['agent', 'root'] as const))
      found.push(await runOne(test, principal, control));
    return found;
  }

  return {
    results,
    runAll: async (cases) => {
      for (const test of cases) {
        const start = performance.now();
        let found: Result[];
        try {
          found = await runCase(test);
        } catch (error) {
          const detail = error instanceof Error ? error.message : String(error);
          found = [
            toResult(test, { principal: 'host', verdict: 'BROKEN', detail, control: '-', start }),
          ];
        }
        for (const result of found) note(formatResult(result));
        results.push(...found);
      }
    },
    close: async () => {
      for (const session of [...sessions.values(), open]) await session?.close();
    },
  };
}

function settle(test: Case, run: Run, control: string): Result['verdict'] {
  if (run.verdict !== 'CONTAINED') return run.verdict;
  const isValid = control === '-' || control.startsWith('none: ') || control.startsWith('ESCAPED');
  if (!isValid) return 'INVALID';
  return run.logged || test.expect !== 'deny' ? 'CONTAINED' : 'UNLOGGED';
}

function toResult(
  test: Case,
  facts: Pick<Result, 'principal' | 'verdict' | 'detail' | 'control'> & { start: number },
): Result {
  const { start, ...rest } = facts;
  const { id, title, tier, expect } = test;
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return {
    id,
    title,
    tier,
    expect,
    ...rest,
    passed: passes({ verdict: facts.verdict, expect, tier }),
    seconds,
  };
}

export function formatResult(result: Result): string {
  const { id, principal, verdict, expect, title, detail, control, passed, seconds } = result;
  const mark = passed ? ' ' : '!';
  return `${mark} ${id.padEnd(4)} ${principal.padEnd(5)} ${expect.padEnd(11)} ${verdict.padEnd(14)} ${seconds.toFixed(1).padStart(6)}s  ${title} · ${detail}${passed ? '' : ` · control: ${control}`}`;
}

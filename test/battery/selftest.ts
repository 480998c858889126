// A battery that cannot fail proves nothing: the same cases against a sandbox that is none must all be found escaped.
import type { Case, Result } from './case.ts';
import { SELFTEST } from './cases/all.ts';
import { startControl } from './control.ts';
import type { Rig } from './rig.ts';
import { formatResult, runSnippet } from './runner.ts';
import { passes } from './score.ts';

export async function runSelftest(rig: Rig, note: (line: string) => void): Promise<Result[]> {
  const results: Result[] = [];
  for (const test of SELFTEST) {
    const start = performance.now();
    const broken = startControl(rig, rig.newWorkspace('broken'));
    try {
      const { verdict, detail } = await runSnippet(rig, test, broken, 'root');
      const result = toResult(test, verdict, detail, start);
      note(`selftest ${formatResult(result)}`);
      results.push(result);
    } finally {
      await broken.close();
    }
  }
  return results;
}

function toResult(test: Case, verdict: Result['verdict'], detail: string, start: number): Result {
  const { id, title, tier, expect } = test;
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return {
    id,
    title,
    tier,
    expect,
    principal: 'root',
    verdict,
    detail,
    control: '-',
    passed: passes({ verdict, expect, tier }),
    seconds,
  };
}

// What the host changes while the guest works: seen within a second, whether the guest was told to forget or believes nothing
// for long.

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShare, unavailable, type FileShare } from '../../support/file-share.ts';

const missing = unavailable();
const WITHIN = 950;
let share: FileShare;
const host = (name: string): string => join(share.workspace, name);

describe.each([
  { how: 'a guest that is told what to forget', notifications: true },
  { how: 'a guest that cannot be told', notifications: false },
])('changes of the host, for $how', ({ notifications }) => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  beforeAll(async () => {
    if (missing !== undefined) return;
    share = await openShare({
      notifications,
      prepare: (workspace) => {
        mkdirSync(join(workspace, 'd/e'), { recursive: true });
        for (const name of ['a', 'b', 'c', 'd/x', 'd/e/y'])
          writeFileSync(join(workspace, name), `${name}\n`);
      },
    });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('shows content that was changed in place, by appending, and by replacing the file', async () => {
    expect(await share.ok('cat a b c')).toBe('a\nb\nc\n');
    writeFileSync(host('a'), 'A\n');
    appendFileSync(host('b'), 'more\n');
    writeFileSync(host('.c'), 'new\n');
    renameSync(host('.c'), host('c'));
    await sleep(WITHIN);
    expect(await share.ok('cat a b c')).toBe('A\nb\nmore\nnew\n');
  });

  it('shows names that come and go', async () => {
    expect(await share.ok('ls d; ls d/new 2>/dev/null; ls -d n 2>/dev/null; true')).toBe('e\nx\n');
    writeFileSync(host('d/new'), 'here\n');
    mkdirSync(host('n'));
    unlinkSync(host('d/x'));
    rmSync(host('d/e'), { recursive: true });
    await sleep(WITHIN);
    expect(
      await share.ok('ls d; cat d/new; ls -d n; cat d/x 2>/dev/null; ls d/e 2>/dev/null; true'),
    ).toBe('new\nhere\nn\n');
  });

  it('shows a file turned into a directory or link, and new modes', async () => {
    await share.ok('cat a; stat b');
    rmSync(host('a'));
    mkdirSync(host('a'));
    writeFileSync(host('a/in'), 'in\n');
    chmodSync(host('b'), 0o640);
    rmSync(host('c'));
    symlinkSync('b', host('c'));
    await sleep(WITHIN);
    expect(await share.ok('cat a/in; stat -c %a b; readlink c')).toBe('in\n640\nb\n');
  });

  it('does not stall when guest and host change one directory at the same time', async () => {
    mkdirSync(host('busy'));
    chmodSync(host('busy'), 0o777);
    let isDone = false;
    const hostWork = (async () => {
      for (let i = 0; !isDone; i++) {
        writeFileSync(host(`busy/host${i % 20}`), String(i));
        if (i % 2 === 1) rmSync(host(`busy/host${(i * 7) % 20}`), { force: true });
        if (i % 10 === 0) await sleep(1);
      }
    })();
    await share.ok(`python3 - <<'P'
import os, threading
def work(t):
    for i in range(150):
        n = f'busy/g{t}-{i % 10}'
        open(n, 'w').write('x'); os.listdir('busy')
        for h in range(0, 20, 5):
            try: open(f'busy/host{h}').read()
            except OSError as e: assert e.errno in (2, 116), e  # gone before it was opened, or between open and read
        os.rename(n, n + 'r'); os.unlink(n + 'r')
ts = [threading.Thread(target=work, args=(t,)) for t in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
assert not [n for n in os.listdir('busy') if n[0] == 'g']
P`);
    isDone = true;
    await hostWork;
  });
});

describe('what the guest may remember', () => {
  it('is not asked for again while nothing changes', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const quiet = await openShare({
      prepare: (workspace) => {
        for (let d = 0; d < 10; d++) {
          mkdirSync(join(workspace, `d${d}`));
          for (let f = 0; f < 30; f++) writeFileSync(join(workspace, `d${d}/f${f}`), 'x');
        }
      },
    });
    const walk = 'find . -type f -printf "%s %p\\n" | wc -l; cat d*/f* | wc -c';
    expect(await quiet.ok(walk)).toBe('300\n300\n');
    await sleep(1000);
    expect(await quiet.ok(walk)).toBe('300\n300\n');
    const first = total(await quiet.server.counters());
    await sleep(1000);
    expect(await quiet.ok(walk)).toBe('300\n300\n');
    expect(total(await quiet.server.counters()) - first).toBeLessThan(20);
    await quiet.close();
  });
});

function total({ requests }: { requests: Record<number, number> }): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}

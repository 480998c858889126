// What a guest cannot use up, and what it cannot reach by being fast.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { openShare, unavailable } from '../../support/file-share.ts';

const missing = unavailable();
const MIB = 1 << 20;

describe('limits of the filesystem', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  it('stops writing at the disk limit, counts what is removed back, and sparse files as if they were full', async () => {
    const share = await openShare({
      change: (policy) => ({ ...policy, limits: { ...policy.limits, disk: 8 * MIB } }),
    });
    const { stdout } = await share.run(`
      dd if=/dev/zero of=big bs=1M count=20 2>&1 | grep -o 'No space left on device'; stat -c %s big; rm big
      dd if=/dev/zero of=fits bs=1M count=6 2>/dev/null && echo fits
      dd if=/dev/zero of=fits bs=1M count=6 conv=notrunc 2>/dev/null && echo again
      truncate -s 8E huge 2>/dev/null || echo refused; truncate -s 1T huge 2>/dev/null || echo refused
      rm -f huge fits
      python3 -c "
import os
f = open('held', 'wb'); f.write(b'x' * (6 << 20)); f.flush(); os.unlink('held')
try: open('more', 'wb').write(b'x' * (6 << 20)); print('wrote')
except OSError as e: print('held', e.errno)
os.unlink('more'); f.close()
"; sleep 0.2
      dd if=/dev/zero of=after bs=1M count=6 2>/dev/null && echo after; rm after
      i=0; while : > tiny$i; do i=$((i + 1)); [ $i -lt 4000 ] || break; done 2>/dev/null; [ $i -lt 2100 ] && echo counted`);
    expect(stdout).toBe(
      `No space left on device\n${7 * MIB}\nfits\nagain\nrefused\nrefused\nheld 28\nafter\ncounted\n`,
    );
    await share.close();
  });

  it('shows of the system only what everyone on the host may read, to guest root as well', async () => {
    const share = await openShare({
      asRoot: true,
      prepare: (_workspace, base) => {
        mkdirSync(join(base, 'system/closed'), { recursive: true });
        writeFileSync(join(base, 'system/open'), 'open\n');
        writeFileSync(join(base, 'system/secret'), 'secret\n', { mode: 0o600 });
        writeFileSync(join(base, 'system/closed/f'), 'closed\n');
        chmodSync(join(base, 'system/closed'), 0o700);
      },
      change: (policy) => {
        const [builtin, ...rest] = policy.layers;
        const base = policy.workspace.replace(/\/workspace$/, '');
        const allow = builtin?.filesystem.allow ?? [];
        const rule = { ...allow[0], path: `${base}/system`, access: 'read' as const };
        if (!builtin) throw new Error('no builtin layer');
        const filesystem = { ...builtin.filesystem, allow: [...allow, rule as (typeof allow)[0]] };
        return { ...policy, layers: [{ ...builtin, filesystem }, ...rest] };
      },
    });
    const { stdout } = await share.run(
      `cd "$MOUNT${share.base}/system"; ls; cat open secret; ls closed; cat closed/f`,
    );
    expect(stdout).toBe('closed\nopen\nsecret\nopen\n');
    await share.close();
  });

  it('never shows the host kernel its own files, whatever a rule allows', async () => {
    const share = await openShare({
      asRoot: true,
      policy:
        'version: 1\nfilesystem:\n  allow: [{path: ., access: write}, {path: /, access: read}]\n',
    });
    const { stdout } = await share.run(
      'cd "$MOUNT"; ls -d etc proc sys dev sys/kernel/debug 2>/dev/null; ls | grep -cxE "proc|sys|dev"; cat proc/self/environ',
    );
    expect(stdout).toBe('etc\n0\n');
    const record = share.decisions().find((event) => event.request === 'read /proc');
    expect(record).toMatchObject({ effect: 'deny', rule: { id: 'builtin/kernel-files' } });
    await share.close();
  });

  it('never leaves the workspace while the host swaps a directory for a link', async () => {
    const share = await openShare({
      prepare: (workspace, base) => {
        mkdirSync(join(base, 'outside'));
        writeFileSync(join(base, 'outside/f'), 'OUTSIDE\n');
        chmodSync(join(base, 'outside'), 0o777);
        chmodSync(join(base, 'outside/f'), 0o666);
        mkdirSync(join(workspace, 'd'));
        writeFileSync(join(workspace, 'd/f'), 'inside\n');
        symlinkSync('../outside', join(workspace, 'l'));
      },
    });
    const at = (name: string): string => join(share.workspace, name);
    let isDone = false;
    const swapping = (async () => {
      for (let i = 0; !isDone; i++) {
        renameSync(at('d'), at('t'));
        renameSync(at('l'), at('d'));
        renameSync(at('d'), at('l'));
        renameSync(at('t'), at('d'));
        if (i % 3 === 0) await sleep(0);
      }
    })();
    // The link is followed by the guest itself, inside: what it finds there is what the policy shows, which is nothing.
    const { stdout } = await share.run(`cd "$MOUNT$PWD"; python3 - <<'P'
import os
seen = set()
n = 0
while n < 150 or (not seen and n < 5000):
    n += 1
    for what in (lambda: seen.add(open('d/f').read()), lambda: seen.update(os.listdir('d')),
                 lambda: open('d/new%d' % (n % 9), 'w').write('guest'), lambda: open('d/f', 'a').write(''),
                 lambda: os.rename('d/new1', 'd/new2'), lambda: os.unlink('d/new3'), lambda: os.chmod('d/f', 0o644),
                 lambda: os.symlink('x', 'd/s'), lambda: os.mkdir('d/m'), lambda: os.rmdir('d/m')):
        try: what()
        except OSError: pass
print('OUTSIDE' in ''.join(seen), len(seen) > 0)
P`);
    isDone = true;
    await swapping;
    expect(stdout).toBe('False True\n');
    expect(readdirSync(join(share.base, 'outside'))).toEqual(['f']);
    expect(readFileSync(join(share.base, 'outside/f'), 'utf8')).toBe('OUTSIDE\n');
    expect(statSync(join(share.base, 'outside/f')).mode & 0o777).toBe(0o666);
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('does not follow a directory that the host moves to where other rules hold', async () => {
    const share = await openShare({
      policy: `version: 1
filesystem: {allow: [{path: ., access: write}], deny: [{path: secret}]}
`,
      prepare: (workspace) => mkdirSync(join(workspace, 'd/s'), { recursive: true }),
    });
    const at = (path: string): string => join(share.workspace, path);
    const inside = share.run(
      'W=$PWD; cd d/s && echo > $W/ready; until [ -e $W/go ]; do sleep 0.05; done; cat key; echo x > new',
    );
    while (!existsSync(at('ready'))) await sleep(20);
    renameSync(at('d'), at('secret'));
    writeFileSync(at('secret/s/key'), 'moved');
    await sleep(200);
    writeFileSync(at('go'), '');
    expect((await inside).stdout).toBe('');
    expect(readdirSync(at('secret/s'))).toEqual(['key']);
    await share.close();
  });

  it('takes one connection only', async () => {
    const share = await openShare();
    await share.ok('true');
    const second = createConnection(join(share.base, 'fs.sock'));
    await new Promise<void>((resolve) => {
      second.on('error', () => resolve());
      second.on('close', () => resolve());
    });
    expect(await share.ok('echo still here')).toBe('still here\n');
    await share.close();
    expect(existsSync(share.base)).toBe(false);
    expect(share.faults).toEqual([]);
  });
});

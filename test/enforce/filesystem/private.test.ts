// Private paths: the guest works, the host's files never change.

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShare, unavailable, type FileShare } from '../../support/file-share.ts';

const missing = unavailable();
let share: FileShare;
let before: string;

function fingerprint(directory: string): string {
  const script =
    'find . -printf "%p %y %m %s %T@ %l\\n" | sort; find . -type f | sort | xargs sha256sum';
  return execFileSync('bash', ['-c', script], { cwd: directory, encoding: 'utf8' });
}

interface ListEntry {
  path: string;
  kind: string;
  data?: string;
}

describe('a workspace that is private as a whole', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  beforeAll(async () => {
    if (missing !== undefined) return;
    share = await openShare({
      load: { workspaceAccess: 'private' },
      prepare: (workspace) => {
        mkdirSync(join(workspace, 'src/deep'), { recursive: true });
        for (const name of ['a', 'b', 'c'])
          writeFileSync(join(workspace, 'src', name), `${name}\n`);
        writeFileSync(join(workspace, 'src/deep/x'), 'x\n');
        symlinkSync('a', join(workspace, 'src/link'));
        execFileSync('git', ['init', '-q', workspace]);
      },
    });
    before = fingerprint(share.workspace);
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('lets files be written, truncated, removed, renamed, linked and their modes and times be set', async () => {
    const out = await share.ok(`
      set -e
      echo more >> src/a && cat src/a
      : > src/b && [ ! -s src/b ]
      rm src/c && [ ! -e src/c ] && ! ls src | grep -qx c
      echo again > src/c && cat src/c
      mv src/deep/x src/moved && [ ! -e src/deep/x ] && cat src/moved
      ln src/a hard && echo linked >> hard && tail -1 src/a && [ "$(stat -c %h src/a)" = 2 ]
      ln -s src/a soft && tail -1 soft && rm src/link && ln -s b src/link && readlink src/link
      chmod 700 src/moved && [ "$(stat -c %a src/moved)" = 700 ]
      chmod 711 src && [ "$(stat -c %a src)" = 711 ]
      touch -d '2002-02-02 02:02:02.000000002' src/b && stat -c %.9Y src/b
      rmdir src/deep && [ ! -e src/deep ] && mkdir src/deep && [ -z "$(ls -A src/deep)" ]
      mkdir -p new/one/two && echo deep > new/one/two/f && mv new/one other && cat other/two/f
      mv other/two new && cat new/two/f && rm -r new other
      echo tmp > src/.a.swp && mv src/.a.swp src/a && cat src/a`);
    expect(out).toBe(
      'a\nmore\nagain\nx\nlinked\nlinked\nb\n1012615322.000000002\ndeep\ndeep\ntmp\n',
    );
    expect(fingerprint(share.workspace)).toBe(before);
  });

  it('keeps what is open when it is copied or removed', async () => {
    await share.ok(`python3 - <<'P'
import os
r = open('src/deep2', 'w+b'); r.write(b'1' * 9000); r.flush(); os.unlink('src/deep2')
r.seek(0); assert len(r.read()) == 9000
P
      python3 - <<'P'
f = open('.git/description', 'r+b'); first = f.read(); f.seek(0, 2); f.write(b'own'); f.flush()
f.seek(0); assert f.read() == first + b'own'
P`);
    expect(fingerprint(share.workspace)).toBe(before);
  });

  it('carries git and tar, and the host sees none of it', async () => {
    await share.ok(`
      set -e
      git config --global --add safe.directory '*'
      git add -A && git commit -qm one && git status --porcelain && git gc -q
      git checkout -q -b other && git mv src lib && git commit -qm two && git checkout -q -
      git clone -q . ../workspace/copy && git -C copy log --oneline | wc -l
      tar cf all.tar src && mkdir out && tar xf all.tar -C out && diff -r src out/src`);
    expect(fingerprint(share.workspace)).toBe(before);
  });

  it('lists what is in the copy, and the copy is what the guest wrote', async () => {
    await share.ok('echo listed > listed && rm -f src/c && sync listed . ');
    const root = join(share.sessionDirectory, 'private');
    const { entries } = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')) as {
      entries: ListEntry[];
    };
    const listed = entries.find((entry) => entry.path === `${share.workspace}/listed`);
    expect(readFileSync(join(root, 'data', listed?.data ?? ''), 'utf8')).toBe('listed\n');
    expect(entries).toContainEqual({ path: `${share.workspace}/src/c`, kind: 'removed' });
    expect(readdirSync(share.workspace).sort()).toEqual(['.git', 'src']);
  });
});

describe('private paths inside a writable workspace', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  beforeAll(async () => {
    if (missing !== undefined) return;
    share = await openShare({
      policy: `
version: 1
filesystem:
  allow:
    - {path: ., access: write}
    - {path: kept, access: private}
`,
      prepare: (workspace) => {
        mkdirSync(join(workspace, 'kept/sub'), { recursive: true });
        writeFileSync(join(workspace, 'kept/f'), 'host\n');
        writeFileSync(join(workspace, 'kept/sub/g'), 'host\n');
      },
    });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('moves files across the boundary, and directories only by copying', async () => {
    const { stdout } = await share.run(`
      echo in > in && mv in kept/in && cat kept/in
      echo out > kept/out && mv kept/out out && cat out
      mv kept/f f && cat f; ls -m kept
      echo over > over && mv over kept/sub/g && cat kept/sub/g
      mkdir d && echo 1 > d/1 && mv d kept/d && cat kept/d/1
      mv kept/d d && cat d/1
      ln kept/in hard 2>/dev/null || echo refused
      python3 -c "
import os
os.mkdir('e')
try: os.rename('e', 'kept/e')
except OSError as e: print(e.errno)
"`);
    expect(stdout).toBe('in\nout\nhost\nin, sub\nover\n1\n1\nrefused\n18\n');
    const kept = join(share.workspace, 'kept');
    expect(readdirSync(kept)).toEqual(['f', 'sub']);
    expect(readFileSync(join(kept, 'sub/g'), 'utf8')).toBe('host\n');
    expect(readFileSync(join(share.workspace, 'out'), 'utf8')).toBe('out\n');
    expect(readFileSync(join(share.workspace, 'f'), 'utf8')).toBe('host\n');
    expect(existsSync(join(share.workspace, 'in'))).toBe(false);
  });
});

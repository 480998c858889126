// Real programs on a served workspace, with a real kernel between them and the server.

import {
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOST_UID, openShare, unavailable, type FileShare } from '../../support/file-share.ts';

const missing = unavailable();
let share: FileShare;

describe('programs in a shared workspace', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  beforeAll(async () => {
    if (missing !== undefined) return;
    share = await openShare();
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('sees the files of the host and shows the host what it writes, with modes and links', async () => {
    writeFileSync(join(share.workspace, 'from-host'), 'hello\n');
    await share.ok('mkdir -p out && cat from-host > out/f && chmod 755 out/f && ln -s f out/l');
    const file = join(share.workspace, 'out/f');
    expect(readFileSync(file, 'utf8')).toBe('hello\n');
    expect(statSync(file).mode & 0o7777).toBe(0o755);
    expect(statSync(file).uid).toBe(HOST_UID);
    expect(readlinkSync(join(share.workspace, 'out/l'))).toBe('f');
    expect(lstatSync(join(share.workspace, 'out/l')).uid).toBe(HOST_UID);
    expect(statSync(join(share.workspace, 'out')).uid).toBe(HOST_UID);
  });

  it('carries git through init, commit, branch, stash, gc, clone and a clean status', async () => {
    const out = await share.ok(`
      set -e
      git init -q repo && cd repo
      for i in $(seq 50); do mkdir -p d$((i % 5)); echo "line $i" > d$((i % 5))/f$i.txt; done
      git add -A && git commit -qm one
      git checkout -q -b side && git mv d1 moved && git commit -qm two
      echo changed >> d2/f2.txt && git stash -q && git stash pop -q && git commit -qam three
      git checkout -q main && git merge -q side
      git gc -q && git fsck --full --no-dangling 2>&1
      git config core.pager cat && git config --get core.pager
      git status --porcelain
      cd .. && git clone -q repo copy && cd copy && git log --oneline | wc -l
      git status --porcelain`);
    expect(out).toBe('cat\n3\n');
    expect(existsSync(join(share.workspace, 'repo/.git/config'))).toBe(false);
    expect(existsSync(join(share.workspace, 'repo/.git/hooks'))).toBe(false);
    expect(existsSync(join(share.workspace, 'repo/.git/HEAD'))).toBe(true);
  });

  it('unpacks what tar packed, times, modes and links included', async () => {
    await share.ok(`
      set -e
      mkdir -p t/a/b && echo 1 > t/a/one && echo 2 > t/a/b/two && chmod 600 t/a/one
      ln t/a/one t/hard && ln -s a/one t/soft && touch -d '2001-02-03 04:05:06.123456789' t/a/b/two
      tar --format=pax -cf t.tar t && mkdir u && tar xf t.tar -C u
      diff -r t u/t
      [ "$(stat -c '%a %y' u/t/a/b/two)" = "$(stat -c '%a %y' t/a/b/two)" ]
      [ "$(stat -c %i u/t/a/one)" = "$(stat -c %i u/t/hard)" ]
      [ "$(readlink u/t/soft)" = a/one ]`);
  });

  it('compiles and runs a C program with make', async () => {
    const out = await share.ok(`
      set -e
      mkdir c && cd c
      printf '#include <stdio.h>\\nint two(void);int main(void){printf("%%d\\\\n",two());}\\n' > main.c
      printf 'int two(void){return 2;}\\n' > two.c
      printf 'prog: main.o two.o\\n\\t$(CC) -o $@ $^\\n' > Makefile
      make -s && ./prog
      make -s | grep -v 'up to date' || true
      touch two.c && make -n | grep -c two.o`);
    expect(out).toBe('2\n2\n');
  });

  it('lets node and npm install, link, pack and run packages', async () => {
    const out = await share.ok(`
      set -e
      mkdir -p npm/dep npm/app && cd npm
      echo '{"name":"dep","version":"1.0.0","bin":{"dep":"cli.js"}}' > dep/package.json
      printf '#!/usr/bin/env node\\nconsole.log("dep runs")\\n' > dep/cli.js && chmod +x dep/cli.js
      (cd dep && npm pack --silent --offline)
      cd app && echo '{"name":"app","version":"1.0.0","scripts":{"go":"dep"}}' > package.json
      npm install --silent --offline --no-audit --no-fund ../dep/dep-1.0.0.tgz
      npm run --silent go && ./node_modules/.bin/dep
      node -e 'const fs=require("fs");fs.cpSync("node_modules","copy",{recursive:true});fs.rmSync("copy",{recursive:true});console.log(fs.existsSync("copy"))'`);
    expect(out).toBe('dep-1.0.0.tgz\ndep runs\ndep runs\nfalse\n');
  });

  it('lets python map, lock, append, truncate and use a database', async () => {
    await share.ok(`cat > p.py <<'P'
import fcntl, mmap, os, sqlite3, tempfile
with open('m', 'w+b') as f:
    f.truncate(3 * 4096)
    with mmap.mmap(f.fileno(), 3 * 4096) as m:
        m[4096:4101] = b'hello'
        m.flush()
assert open('m', 'rb').read()[4096:4101] == b'hello'
with open('a', 'ab') as f, open('a', 'ab') as g:
    for i in range(100):
        f.write(b'f'); f.flush(); g.write(b'g'); g.flush()
assert open('a').read() == 'fg' * 100
os.truncate('a', 5); assert open('a').read() == 'fgfgf'
with open('lock', 'w') as f:
    fcntl.lockf(f, fcntl.LOCK_EX); fcntl.flock(f, fcntl.LOCK_SH)
with open('s', 'wb') as f:
    f.write(b'x' * 100000); f.flush(); os.fsync(f.fileno()); os.fdatasync(f.fileno())
d = sqlite3.connect('db'); d.execute('pragma journal_mode=wal')
d.execute('create table t(x)')
d.executemany('insert into t values(?)', [(i,) for i in range(1000)]); d.commit()
assert d.execute('select sum(x) from t').fetchone()[0] == 499500
d.close()
with tempfile.NamedTemporaryFile(dir='.') as t: t.write(b'x'); t.flush(); assert os.stat(t.name).st_size == 1
try: os.setxattr('s', 'user.x', b'1'); raise SystemExit('xattr')
except OSError as e: assert e.errno == 95, e
assert os.listxattr('s') == [] if False else True
os.posix_fallocate(os.open('falloc', os.O_CREAT | os.O_RDWR), 0, 10000); assert os.stat('falloc').st_size == 10000
P
python3 p.py`);
    expect(readFileSync(join(share.workspace, 'm')).subarray(4096, 4101).toString()).toBe('hello');
  });

  it('keeps a removed file readable and writable for whoever has it open', async () => {
    await share.ok(`python3 - <<'P'
import os
f = open('gone', 'w+b'); f.write(b'a' * 5000); f.flush(); os.unlink('gone')
assert not os.path.exists('gone')
f.seek(0); assert f.read() == b'a' * 5000
f.write(b'b' * 5000); f.flush(); assert os.fstat(f.fileno()).st_size == 10000
os.ftruncate(f.fileno(), 10); os.fchmod(f.fileno(), 0o600); assert os.fstat(f.fileno()).st_nlink == 0
g = open('over', 'w+b'); g.write(b'old'); g.flush()
open('new', 'wb').write(b'new'); os.rename('new', 'over')
g.seek(0); assert g.read() == b'old'; assert open('over', 'rb').read() == b'new'
os.mkdir('dir'); d = os.open('dir', os.O_RDONLY); os.rmdir('dir')
try: os.open('x', os.O_CREAT, dir_fd=d); raise SystemExit('created in a removed directory')
except FileNotFoundError: pass
P`);
  });

  it('replaces files by rename as editors do, and refuses to with RENAME_NOREPLACE', async () => {
    const out = await share.ok(`
      set -e
      mkdir e && cd e && echo old > f && echo new > .f.swp && mv .f.swp f && cat f
      mkdir d1 d2 && echo 1 > d1/x && mv -T d1 d2 && cat d2/x
      echo k > keep && echo g > got && mv -n got keep && cat keep
      python3 -c "
import ctypes, os
l = ctypes.CDLL(None, use_errno=True)
assert l.renameat2(-100, b'got', -100, b'keep', 1) == -1 and ctypes.get_errno() == 17
assert l.renameat2(-100, b'got', -100, b'fresh', 1) == 0
assert l.renameat2(-100, b'd2', -100, b'd3', 1) == 0
assert l.renameat2(-100, b'd3', -100, b'fresh', 2) == -1 and ctypes.get_errno() == 22
"
      ls`);
    expect(out).toBe('new\n1\nk\nd3\nf\nfresh\nkeep\n');
  });

  it('handles names that are not UTF-8, the longest names, and refuses longer ones', async () => {
    await share.ok(`python3 - <<'P'
import os
os.mkdir(b'n'); os.chdir(b'n')
names = [b'\\xff\\xfe', b'\\xc3\\x28', 'grün'.encode(), b'\\xed\\xa0\\x80', b'x' * 255, b' ', b'-', b'a\\nb']
for n in names: open(n, 'wb').write(n)
assert sorted(os.listdir(b'.')) == sorted(names), os.listdir(b'.')
for n in names: assert open(n, 'rb').read() == n
os.rename(b'\\xff\\xfe', b'\\xfe\\xff'); os.unlink(b'\\xfe\\xff')
try: open(b'x' * 256, 'wb'); raise SystemExit('too long')
except OSError as e: assert e.errno == 36
P`);
    const name = Buffer.from([0xc3, 0x28]);
    const path = Buffer.concat([Buffer.from(join(share.workspace, 'n/')), name]);
    expect(readFileSync(path)).toEqual(name);
  });

  it('shows one content under all names of a hard-linked file, at once', async () => {
    await share.ok(`python3 - <<'P'
import os
open('h1', 'w').write('one'); os.link('h1', 'h2'); os.mkdir('hd'); os.link('h2', 'hd/h3')
for i, (w, r) in enumerate([('h1', 'h2'), ('h2', 'hd/h3'), ('hd/h3', 'h1')]):
    open(w, 'a').write(str(i)); assert open(r).read() == 'one012'[:4 + i], (w, r)
assert os.path.samefile('h1', 'hd/h3') and os.stat('h2').st_nlink == 3
os.unlink('h1'); open('h2', 'a').write('!'); assert open('hd/h3').read() == 'one012!'
os.rename('h2', 'h4'); os.unlink('hd/h3'); assert open('h4').read() == 'one012!' and os.stat('h4').st_nlink == 1
os.rename('hd', 'hd2'); os.link('h4', 'hd2/h5'); os.unlink('h4'); open('hd2/h5', 'a').write('x'); assert open('hd2/h5').read()[-1] == 'x'
P`);
  });

  it('reads and writes beyond 4 GiB', async () => {
    await share.ok(`python3 - <<'P'
import os
f = open('large', 'w+b'); f.seek(5 << 30); f.write(b'end'); f.flush()
assert os.stat('large').st_size == (5 << 30) + 3
f.seek((5 << 30) - 2); assert f.read() == b'\\0\\0end'
P`);
    expect(statSync(join(share.workspace, 'large')).size).toBe(5 * 2 ** 30 + 3);
    await share.ok('rm large');
  });

  it('lists a large directory whole while it changes', async () => {
    const out = await share.ok(`python3 - <<'P'
import os
os.mkdir('many'); os.chdir('many')
for i in range(4000): os.close(os.open(f'f{i:05}', os.O_CREAT | os.O_WRONLY))
seen = set(); n = 0
for e in os.scandir('.'):
    assert e.name not in seen, e.name
    seen.add(e.name); n += 1
    if n % 100 == 0: os.unlink(f'f{3999 - n // 100:05}'); open(f'g{n}', 'w').close()
kept = [f'f{i:05}' for i in range(3000)]
assert all(k in seen for k in kept), len(seen)
now = os.listdir('.')
assert sorted(now) == sorted(set(now)) and 'g100' in now and 'f03998' not in now
print(len([x for x in now if x in kept]))
P`);
    expect(out).toBe('3000\n');
  });

  it('keeps fifos and sockets to the session', async () => {
    const out = await share.ok(`
      set -e
      mkdir special && cd special && mkfifo p && (echo through > p &) && cat p
      python3 -c "
import os, socket, stat, threading
s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen()
c = socket.socket(socket.AF_UNIX); c.connect('s'); a, _ = s.accept(); c.send(b'hi'); print(a.recv(2).decode())
assert stat.S_ISSOCK(os.stat('s').st_mode)
"
      mv p q && [ -p q ] && ls && rm q s`);
    expect(out).toBe('through\nhi\nq\ns\n');
    expect(existsSync(join(share.workspace, 'special/s'))).toBe(false);
    const kinds = share.decisions().map((event) => event.request);
    expect(kinds).toContain(`write ${share.workspace}/special/p`);
  });

  it('shows no set-uid bit, makes no device, and gives no file away', async () => {
    await share.ok(`
      cp /bin/true t-suid && chmod 6755 t-suid && [ "$(stat -c %a t-suid)" = 755 ]
      ! mknod dev b 8 0 2>/dev/null && ! chown 0:0 t-suid 2>/dev/null
      chown "$(id -u):$(id -g)" t-suid`);
    expect(statSync(join(share.workspace, 't-suid')).mode & 0o7777).toBe(0o755);
  });
});

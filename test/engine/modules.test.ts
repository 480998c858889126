import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModules } from '../../src/engine/modules.ts';

const folder = mkdtempSync(join(tmpdir(), 'modules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function module(path: string, depends: string): void {
  const file = join(folder, 'kernel', path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, Buffer.from(`\x7fELF...\0license=GPL\0depends=${depends}\0name=x\0`));
}

beforeAll(() => {
  module('drivers/virtio/virtio.ko', 'virtio_ring');
  module('drivers/virtio/virtio_ring.ko', '');
  module('drivers/char/virtio-console.ko', 'virtio,virtio_ring');
  module('fs/fuse.ko', '');
  execFileSync('xz', [join(folder, 'kernel/fs/fuse.ko')]);
  writeFileSync(join(folder, 'modules.builtin'), 'kernel/fs/overlayfs/overlay.ko\n');
});

describe('resolveModules', () => {
  it('puts what a module depends on before it, once', async () => {
    const modules = await resolveModules(folder, ['virtio_console', 'virtio']);
    expect(modules.map((one) => one.name)).toEqual(['virtio_ring', 'virtio', 'virtio_console']);
  });

  it('leaves out what the kernel has built in', async () => {
    expect(await resolveModules(folder, ['overlay'])).toEqual([]);
  });

  it('unpacks a packed module', async () => {
    const [fuse] = await resolveModules(folder, ['fuse']);
    expect(fuse?.content.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  });

  it('names a module the kernel lacks', async () => {
    await expect(resolveModules(folder, ['nonesuch'])).rejects.toMatchObject({
      code: 'ENGINE_NO_MODULE',
    });
  });
});

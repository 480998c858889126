import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createControlGroup } from '../../src/engine/cgroup.ts';

const folder = mkdtempSync(join(tmpdir(), 'cgroup-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SHAPE = { memory: 1024 ** 3, cpus: 2, accelerator: 'kvm' as const };

/** A tree as the kernel shows it: which groups hand which controllers to their children. */
function tree(
  name: string,
  groups: Record<string, string>,
  own: string,
): { root: string; self: string } {
  const root = join(folder, name);
  for (const [path, handed] of Object.entries(groups)) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'cgroup.subtree_control'), handed);
  }
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids\n');
  const self = join(folder, `${name}.self`);
  writeFileSync(self, `1:name=x:/elsewhere\n0::${own}\n`);
  return { root, self };
}

describe('createControlGroup', () => {
  it('makes a group under the nearest one above that hands memory on, and limits it', () => {
    const { root, self } = tree(
      'delegated',
      {
        '/': 'memory\n',
        '/user': 'cpu memory pids\n',
        '/user/app': 'cpu\n',
        '/user/app/own': '\n',
      },
      '/user/app/own',
    );
    const group = createControlGroup(SHAPE, root, self);
    expect(group?.folder.startsWith(join(root, 'user', 'agent-sandbox-'))).toBe(true);
    const value = (file: string): string => readFileSync(join(group?.folder ?? '', file), 'utf8');
    expect(value('memory.max')).toBe(String(1536 * 1024 * 1024));
    expect(value('cpu.max')).toBe('300000 100000');
    expect(value('pids.max')).toBe('66');
    writeFileSync(join(group?.folder ?? '', 'cgroup.procs'), '1\n22\n');
    expect(group?.holds(22)).toBe(true);
    expect(group?.holds(2)).toBe(false);
  });

  it('makes none where no group hands memory on', () => {
    const { root, self } = tree('closed', { '/': '\n', '/own': '\n' }, '/own');
    expect(createControlGroup(SHAPE, root, self)).toBeUndefined();
    expect(readdirSync(join(root, 'own'))).toEqual(['cgroup.subtree_control']);
  });

  it('makes none where the system has no such groups', () => {
    expect(createControlGroup(SHAPE, join(folder, 'none'), '/proc/self/cgroup')).toBeUndefined();
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

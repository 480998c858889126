import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { metaPackage } from '../../src/engine/kernel.ts';
import { listRequirements } from '../../src/engine/packages.ts';
import { makeReady, type ReadyOptions } from '../../src/engine/ready.ts';

const folder = mkdtempSync(join(tmpdir(), 'ready-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A machine on which no program is installed. */
function bare(more: Partial<ReadyOptions>): ReadyOptions {
  return {
    cache: join(folder, 'cache'),
    engine: 'auto',
    cpus: 1,
    memory: 256 * 1024 * 1024,
    thorough: true,
    interactive: false,
    search: [join(folder, 'nothing')],
    consent: () => Promise.resolve(false),
    ...more,
  };
}

describe('makeReady', () => {
  it('installs nothing without consent, and says which command would', async () => {
    const asked: string[] = [];
    const consent = (packages: readonly string[]): Promise<boolean> => {
      asked.push(...packages);
      return Promise.resolve(false);
    };
    await expect(makeReady(bare({ consent }))).rejects.toMatchObject({
      kind: 'environment',
      code: 'ENGINE_NOT_READY',
      hint: expect.stringMatching(/agent-sandbox setup --yes.*apt-get install/) as string,
    });
    expect(asked).toEqual(expect.arrayContaining(['bubblewrap', 'gcc']));
    expect(asked.some((name) => name.startsWith('qemu-system'))).toBe(true);
  });

  it('asks a start only for what a session cannot do without', async () => {
    const asked: string[] = [];
    const consent = (packages: readonly string[]): Promise<boolean> => {
      asked.push(...packages);
      return Promise.resolve(false);
    };
    await expect(makeReady(bare({ consent, thorough: false }))).rejects.toMatchObject({
      code: 'ENGINE_NOT_READY',
    });
    expect(asked).not.toContain('bubblewrap');
  });

  it('says that it knows no other package manager than apt', async () => {
    const consent = (): Promise<boolean> => Promise.resolve(true);
    await expect(makeReady(bare({ consent }))).rejects.toMatchObject({ code: 'ENGINE_NO_APT' });
  });
});

describe('listRequirements', () => {
  it('names the emulator of the processor', () => {
    const names = (architecture: 'x86_64' | 'aarch64'): string[] =>
      listRequirements({ architecture }).map((one) => one.package);
    expect(names('x86_64')).toContain('qemu-system-x86');
    expect(names('aarch64')).toContain('qemu-system-arm');
  });
});

describe('metaPackage', () => {
  const systems: [string, 'x86_64' | 'aarch64', string][] = [
    ['ID=debian\n', 'x86_64', 'linux-image-cloud-amd64'],
    ['ID=debian\n', 'aarch64', 'linux-image-cloud-arm64'],
    ['NAME="X"\nID=ubuntu\nID_LIKE=debian\n', 'x86_64', 'linux-image-virtual'],
    ['ID=mint\nID_LIKE="ubuntu debian"\n', 'x86_64', 'linux-image-virtual'],
  ];
  for (const [text, architecture, name] of systems) {
    it(`chooses ${name} for ${JSON.stringify(text)} on ${architecture}`, () => {
      const osRelease = join(folder, 'os-release');
      writeFileSync(osRelease, text);
      expect(metaPackage({ architecture, osRelease })).toBe(name);
    });
  }

  it('says which distributions it knows', () => {
    const osRelease = join(folder, 'os-release');
    writeFileSync(osRelease, 'ID=plan9\n');
    expect(() => metaPackage({ architecture: 'x86_64', osRelease })).toThrow(
      /Debian or Ubuntu.*plan9/,
    );
  });
});

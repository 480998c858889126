import { describe, expect, it } from 'vitest';
import {
  type ArgumentOptions,
  type Shape,
  chooseCpuModel,
  chooseMachine,
  kernelLine,
  machineArguments,
} from '../../src/engine/arguments.ts';
import type { Accelerator, Architecture } from '../../src/engine/engine.ts';

function line(
  architecture: Architecture,
  accelerator: Accelerator,
  more: Partial<ArgumentOptions> = {},
): string[] {
  const shape: Shape = {
    architecture,
    accelerator,
    machine: chooseMachine(architecture, accelerator),
    cpuModel: chooseCpuModel(architecture, accelerator),
    cpus: 2,
    memory: 512 * 1024 * 1024,
    kernelLine: kernelLine(architecture, accelerator, 2_500_000),
  };
  return machineArguments({
    name: 'agent-sandbox-1-1-1',
    shape,
    image: { kernel: '/guest/kernel', initrd: '/guest/initrd' },
    descriptors: { control: 3, mux: 4, fs: 5, console: 6 },
    memory: undefined,
    incoming: false,
    ...more,
  });
}

const ALL: [Architecture, Accelerator][] = [
  ['x86_64', 'tcg'],
  ['x86_64', 'kvm'],
  ['x86_64', 'hvf'],
  ['aarch64', 'tcg'],
  ['aarch64', 'kvm'],
  ['aarch64', 'hvf'],
];

describe('machineArguments', () => {
  for (const [architecture, accelerator] of ALL) {
    it(`gives a ${accelerator} guest on ${architecture} two ports and nothing else to reach the host by`, () => {
      const args = line(architecture, accelerator);
      expect(args).toContain('-nodefaults');
      expect(args).toContain('-no-user-config');
      expect(
        args.filter((arg) =>
          /^-(netdev|nic|net|drive|blockdev|hd.|cdrom|virtfs|fsdev|usb|vnc|spice)/.test(arg),
        ),
      ).toEqual([]);
      const devices = args.filter((_, index) => args[index - 1] === '-device');
      expect(devices.map((device) => device.split(',')[0]?.replace(/-(pci|device)$/, ''))).toEqual([
        'virtio-serial',
        'virtserialport',
        'virtserialport',
      ]);
      const chardevs = args.filter((_, index) => args[index - 1] === '-chardev');
      expect(chardevs.every((chardev) => /^socket,id=\w+,fd=\d$/.test(chardev))).toBe(true);
    });

    it(`always confines QEMU by seccomp (${accelerator}, ${architecture})`, () => {
      const args = line(architecture, accelerator);
      expect(args[args.indexOf('-sandbox') + 1]).toBe(
        'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
      );
    });
  }

  it('maps the snapshot privately, and for reading only where QEMU can', () => {
    const copy = (readOnlyOption: boolean): string => {
      const memory = { file: '/guest/memory', use: 'copy' as const, readOnlyOption };
      const args = line('x86_64', 'tcg', { memory, incoming: true });
      expect(args).toContain('-incoming');
      return args[args.indexOf('-object') + 1] ?? '';
    };
    expect(copy(false)).toContain('share=off');
    expect(copy(false)).not.toContain('readonly');
    expect(copy(true)).toContain('share=off,reserve=off,readonly=on,rom=off');
  });

  it('tells only an emulated guest the rate of the clock, and only under TCG uses q35', () => {
    expect(line('x86_64', 'tcg').join(' ')).toContain('tsc_early_khz=2500000');
    expect(line('x86_64', 'kvm').join(' ')).not.toContain('tsc_early_khz');
    expect(line('x86_64', 'tcg').join(' ')).toContain('q35');
    const kvm = line('x86_64', 'kvm').join(' ');
    expect(kvm).toContain('microvm');
    expect(kvm).toContain('virtio-mmio.force-legacy=false');
  });
});

import { describe, expect, it } from 'vitest';
import {
  type ArgumentOptions,
  type Shape,
  chooseCpuModel,
  chooseMachine,
  chooseWindow,
  kernelLine,
  machineArguments,
} from '../../src/engine/arguments.ts';
import type { Accelerator, Architecture } from '../../src/engine/engine.ts';

function line(
  architecture: Architecture,
  accelerator: Accelerator,
  more: Partial<ArgumentOptions> = {},
): string[] {
  const machine = chooseMachine(architecture, accelerator);
  const shape: Shape = {
    architecture,
    accelerator,
    machine,
    cpuModel: chooseCpuModel(architecture, accelerator),
    cpus: 2,
    memory: 512 * 1024 * 1024,
    kernelLine: kernelLine(architecture, accelerator, 2_500_000),
    window: chooseWindow(machine, accelerator),
  };
  return machineArguments({
    name: 'agent-sandbox-1-1-1',
    shape,
    image: { kernel: '/guest/kernel', initrd: '/guest/initrd' },
    descriptors: { control: 3, mux: 4, fs: 5, console: 6 },
    memory: undefined,
    ...(shape.window > 0 && { window: '/guest/window' }),
    incoming: false,
    ...more,
  });
}

const isEmulatedPc = (architecture: Architecture, accelerator: Accelerator): boolean =>
  architecture === 'x86_64' && accelerator === 'tcg';

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
    it(`gives a ${accelerator} guest on ${architecture} two ports${isEmulatedPc(architecture, accelerator) ? ', a window' : ''} and nothing else to reach the host by`, () => {
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
        ...(isEmulatedPc(architecture, accelerator) ? ['ivshmem-plain'] : []),
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

  it('gives the window to an emulated PC alone: the others keep to the ports, and are given no file', () => {
    for (const [architecture, accelerator] of ALL) {
      const text = line(architecture, accelerator).join(' ');
      const isExpected = isEmulatedPc(architecture, accelerator);
      expect(text.includes('ivshmem'), text).toBe(isExpected);
      expect(text.includes('share=on'), text).toBe(isExpected);
    }
    expect(line('x86_64', 'tcg').join(' ')).toContain(
      'memory-backend-file,id=window,size=8388608,mem-path=/guest/window,share=on',
    );
  });

  it('makes no machine with a window that has no file', () => {
    expect(() => line('x86_64', 'tcg', { window: undefined as unknown as string })).toThrow(
      'no file',
    );
  });

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

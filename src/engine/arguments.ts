// QEMU's command line. Invariant: no network device, no disk, no shared folder and no display is ever on it, and QEMU's
// own seccomp filter always is.
// Run so far: q35 and microvm under TCG. Written to QEMU's documentation and never run: KVM, HVF, arm64.

import type { Accelerator, Architecture } from './engine.ts';
import { WINDOW_SIZE } from './window.ts';

export type MachineType = 'q35' | 'microvm' | 'virt';

/** What decides whether a saved state fits; each part is in the snapshot's key. */
export interface Shape {
  architecture: Architecture;
  accelerator: Accelerator;
  machine: MachineType;
  cpuModel: string;
  cpus: number;
  /** bytes */
  memory: number;
  kernelLine: string;
  /** bytes of the window, memory that guest and host both see; 0 for none */
  window: number;
}

export interface Descriptors {
  control: number;
  mux: number;
  fs: number;
  console: number;
}

export interface ArgumentOptions {
  /** tells whose machine it is; not seen by the guest */
  name: string;
  shape: Shape;
  /** a restored guest needs no initrd */
  image: { kernel: string; initrd?: string };
  descriptors: Descriptors;
  /** guest memory: a file shared with it, a file it has a private copy of, or none */
  memory: { file: string; use: 'write' | 'copy'; readOnlyOption: boolean } | undefined;
  /** the window's file, where the shape has a window */
  window?: string;
  /** wait for a saved state that the control connection names */
  incoming: boolean;
}

/** Nobody in a guest's QEMU starts programs, gains rights or changes priorities. */
const SECCOMP = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

export function machineArguments(options: ArgumentOptions): string[] {
  const { shape, image, descriptors } = options;
  return [
    ...['-name', options.name, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', SECCOMP],
    ...['-machine', machineOf(shape), '-accel', acceleratorOf(shape), '-cpu', shape.cpuModel],
    ...['-smp', String(shape.cpus), '-m', `${shape.memory}B`, '-object', memoryOf(options)],
    ...(shape.machine === 'microvm' ? ['-global', 'virtio-mmio.force-legacy=false'] : []),
    ...['-kernel', image.kernel, '-append', shape.kernelLine],
    ...(image.initrd === undefined ? [] : ['-initrd', image.initrd]),
    ...['-chardev', `socket,id=console,fd=${descriptors.console}`, '-serial', 'chardev:console'],
    ...['-device', `${serialBus(shape)},id=ports,max_ports=3`],
    ...port('mux', descriptors.mux),
    ...port('fs', descriptors.fs),
    ...windowOf(options),
    ...[
      '-chardev',
      `socket,id=control,fd=${descriptors.control}`,
      '-mon',
      'chardev=control,mode=control',
    ],
    ...(options.incoming ? ['-S', '-incoming', 'defer'] : []),
  ];
}

function port(name: string, descriptor: number): string[] {
  return [
    ...['-chardev', `socket,id=${name},fd=${descriptor}`],
    ...['-device', `virtserialport,bus=ports.0,chardev=${name},name=${name}`],
  ];
}

function windowOf({ shape, window }: ArgumentOptions): string[] {
  if (shape.window === 0) return [];
  if (window === undefined) throw new Error('a machine with a window was given no file for it');
  return [
    ...[
      '-object',
      `memory-backend-file,id=window,size=${shape.window},mem-path=${window},share=on`,
    ],
    // `master`: QEMU does not save a machine whose window is another's.
    ...['-device', 'ivshmem-plain,memdev=window,master=on'],
  ];
}

function machineOf(shape: Shape): string {
  switch (shape.machine) {
    case 'q35':
      return 'q35,memory-backend=memory,vmport=off,sata=off,smbus=off,graphics=off';
    case 'microvm':
      // Without ACPI the stock kernels do not find virtio-mmio devices. PIT and PIC stay: without them TCG hangs.
      return 'microvm,memory-backend=memory,acpi=on,rtc=on';
    case 'virt':
      return `virt,memory-backend=memory,gic-version=${shape.accelerator === 'tcg' ? '3' : 'max'}`;
  }
}

function acceleratorOf(shape: Shape): string {
  return shape.accelerator === 'tcg' ? 'tcg,thread=multi' : shape.accelerator;
}

function serialBus(shape: Shape): string {
  return shape.machine === 'microvm' ? 'virtio-serial-device' : 'virtio-serial-pci';
}

function memoryOf(options: ArgumentOptions): string {
  const size = `id=memory,size=${options.shape.memory}`;
  const { memory } = options;
  if (!memory) return `memory-backend-ram,${size}`;
  if (memory.use === 'write') return `memory-backend-file,${size},mem-path=${memory.file},share=on`;
  // reserve=off: eight guests of four gigabytes that touch little of it fit on a machine of sixteen.
  const readOnly = memory.readOnlyOption ? ',readonly=on,rom=off' : '';
  return `memory-backend-file,${size},mem-path=${memory.file},share=off,reserve=off${readOnly}`;
}

export function chooseMachine(architecture: Architecture, accelerator: Accelerator): MachineType {
  if (architecture === 'aarch64') return 'virt';
  // microvm has the smaller surface and starts faster, but under TCG its kernel now and then hangs on its clocks.
  return accelerator === 'kvm' ? 'microvm' : 'q35';
}

/**
 * Bytes of the window, 0 for none. It is a PCI device, and a microvm has no PCI; and the guest maps it as a device's memory,
 * past the caches of a real processor, where only an emulated one is known to see what the host sees. The others keep to
 * the ports.
 */
export function chooseWindow(machine: MachineType, accelerator: Accelerator): number {
  return machine === 'q35' && accelerator === 'tcg' ? WINDOW_SIZE : 0;
}

export function chooseCpuModel(architecture: Architecture, accelerator: Accelerator): string {
  if (accelerator !== 'tcg') return 'host';
  // Five-level page tables only make each emulated walk longer, and the emulator carries out `rep movsb` byte by byte.
  return architecture === 'x86_64' ? 'max,la57=off,erms=off' : 'max';
}

/** `tscKilohertz` of the host spares an emulated guest the measuring of its own clock. */
export function kernelLine(
  architecture: Architecture,
  accelerator: Accelerator,
  tscKilohertz?: number,
): string {
  const words = [
    `console=${architecture === 'x86_64' ? 'ttyS0' : 'ttyAMA0'}`,
    'quiet',
    'panic=-1',
    'reboot=t',
    // Mounts in the guest wait for grace periods; expedited ones take microseconds on a small guest.
    'rcupdate.rcu_expedited=1',
    'nowatchdog',
  ];
  if (accelerator === 'tcg') {
    // Zeroing each page of the guest's page cache before it is filled is a tenth to a fifth of streaming through the share.
    words.push('mitigations=off', 'init_on_alloc=0');
    if (architecture === 'x86_64' && tscKilohertz !== undefined)
      words.push(`tsc_early_khz=${tscKilohertz}`);
  }
  return words.join(' ');
}

// The names of the engine: what a machine is asked for and what it is once it runs.
// Invariant: a machine has two byte streams to its caller (`mux`, `fs`), a window of memory for what is long on them, and
// no other way out.

import type { Isolation } from '../model/event.ts';

export type Accelerator = 'kvm' | 'hvf' | 'tcg';

/** The processors guests are built for, as QEMU's binaries name them. */
export type Architecture = 'x86_64' | 'aarch64';

/** Called with one short line when work starts that a person may have to wait for. */
export type Progress = (line: string) => void;

/** A bootable guest: immutable files whose content `key` names. */
export interface Image {
  key: string;
  architecture: Architecture;
  /** release of the kernel inside */
  release: string;
  kernel: string;
  initrd: string;
  /** what a restored guest is given in the kernel's place */
  stub: string;
}

/** How QEMU itself is confined. Its seccomp sandbox is on in each of them. */
export interface Jail {
  kind: 'bubblewrap' | 'unshare' | 'seccomp';
  /** QEMU runs as a user other than the caller */
  ownUser: boolean;
  /** memory and processor time are held by a control group; else only by the VM's own size */
  controlGroup: boolean;
  /** why it is not the strongest kind */
  notice?: string;
}

/** Milliseconds from the call of `startMachine`. */
export interface Timings {
  /** QEMU process asked for */
  spawned: number;
  /** QEMU answers on its control socket */
  control: number;
  /** guest processors run */
  running: number;
}

export interface MachineExit {
  /** `killed`: by us; `guest`: it shut down, reset or panicked; `crashed`: QEMU ended in another way */
  reason: 'killed' | 'guest' | 'crashed';
  code: number | null;
  signal: NodeJS.Signals | null;
  /** the last lines QEMU wrote to stderr */
  message: string;
}

export interface Machine {
  /** the process to kill; QEMU or the jail around it */
  pid: number;
  accelerator: Accelerator;
  isolation: Isolation;
  /** started from a snapshot instead of booting */
  restored: boolean;
  jail: Jail;
  timings: Timings;
  /** what the user should be told about how it was started */
  notices: string[];
  /**
   * the memory it shares with its caller, open; undefined where it has none. The caller closes it, once nothing of his
   * uses it any more
   */
  window: { descriptor: number; close: () => void } | undefined;
  /** resolves once, also when QEMU never ran */
  exited: Promise<MachineExit>;
  /** kills QEMU, whatever the guest does; resolves when it is gone, within five seconds */
  kill: () => Promise<void>;
}

export interface MachineOptions {
  cpus: number;
  /** bytes */
  memory: number;
  accelerator: Accelerator;
  /** unix sockets the caller listens on; QEMU is handed connections to them */
  sockets: { directory: string; mux: string; fs: string };
  /** directory of kernels, images and snapshots */
  cache: string;
  /** file for the guest's console, written up to a limit */
  console: string;
  onProgress?: Progress;
  /** where programs are looked for; the usual places when absent */
  search?: readonly string[];
  /** C sources of the guest's init; those of the package when absent */
  guest?: string;
  /** boot afresh, without making or using a snapshot */
  cold?: boolean;
}

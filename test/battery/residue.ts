// What a run leaves on the host: processes, mounts, interfaces, listening sockets, temporary files.
import { readdirSync, readFileSync } from 'node:fs';

import type { Layout } from './layout.ts';
import { output } from './namespace.ts';

export interface Residue {
  processes: string[];
  mounts: string[];
  links: string[];
  sockets: string[];
  temporary: string[];
}

export function takeResidue(layout: Layout): Residue {
  return {
    processes: listProcesses(),
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2).join(' ')),
    links: output('ip', '-o', 'link')
      .split('\n')
      .map((line) => line.split(':')[1]?.trim() ?? ''),
    sockets: listSockets(),
    temporary: readdirSync(layout.temp),
  };
}

/** What is there that was not: empty when nothing was left behind. */
export function compareResidue(before: Residue, after: Residue): string[] {
  const left: string[] = [];
  for (const kind of ['processes', 'mounts', 'links', 'sockets', 'temporary'] as const) {
    const known = new Set(before[kind]);
    left.push(...after[kind].filter((item) => !known.has(item)).map((item) => `${kind}: ${item}`));
  }
  return left;
}

/** Every process of the rig's own process namespace. */
export function listProcesses(): string[] {
  const processes: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command !== '') processes.push(`${pid} ${command.slice(0, 120)}`);
    } catch {
      // It ended between the two looks.
    }
  }
  return processes;
}

/** Process ids of the virtual machines that run here. */
export function listMachines(): Set<string> {
  const machines = listProcesses().filter((line) => /^\d+ \S*qemu-system/.test(line));
  return new Set(machines.map((line) => line.split(' ')[0] ?? ''));
}

function listSockets(): string[] {
  const unix = readFileSync('/proc/self/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/)[7] ?? '');
  const listening = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) =>
    readFileSync(`/proc/self/net/${name}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' || (name.startsWith('udp') && fields[3] === '07'))
      .map((fields) => `${name} ${fields[1]}`),
  );
  return [...unix.filter((path) => path !== ''), ...listening];
}

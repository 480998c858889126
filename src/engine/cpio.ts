// Writes the `newc` archive the kernel unpacks as its first root.
// Invariant: the same entries give the same bytes (times, owners and inode numbers are fixed).

export type CpioEntry =
  | { path: string; kind: 'directory' }
  | { path: string; kind: 'file'; mode: number; content: Buffer }
  | { path: string; kind: 'character'; mode: number; major: number; minor: number };

const DIRECTORY = 0o040755;
const FILE = 0o100000;
const CHARACTER = 0o020000;

export function packCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => {
    const content = entry.kind === 'file' ? entry.content : Buffer.alloc(0);
    const device = entry.kind === 'character' ? entry : { major: 0, minor: 0 };
    parts.push(header(entry.path, index + 1, modeOf(entry), content.length, device));
    parts.push(content, padding(content.length));
  });
  parts.push(header('TRAILER!!!', 0, 0, 0, { major: 0, minor: 0 }));
  return Buffer.concat(parts);
}

function modeOf(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'directory':
      return DIRECTORY;
    case 'file':
      return FILE | entry.mode;
    case 'character':
      return CHARACTER | entry.mode;
  }
}

function header(
  path: string,
  inode: number,
  mode: number,
  size: number,
  device: { major: number; minor: number },
): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = mode === DIRECTORY ? 2 : 1;
  const fields = [
    inode,
    mode,
    0,
    0,
    links,
    0,
    size,
    0,
    0,
    device.major,
    device.minor,
    name.length,
    0,
  ];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([Buffer.from(text), name, padding(text.length + name.length)]);
}

/** Headers and contents are aligned to four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

// The FUSE wire protocol, 7.31, as far as this server speaks it. Little-endian, every structure padded to 8 bytes.
//
//   request: 0 length u32 | 4 opcode u32 | 8 unique u64 | 16 node u64 | 24 uid u32 | 28 gid u32 | 32 pid u32 | 36 - | 40 arguments
//   reply:   0 length u32 | 4 -errno i32 | 8 unique u64 | 16 body        (unique 0: a notification, the error is its code)

export const REQUEST_HEADER = 40;
export const REPLY_HEADER = 16;
export const ROOT_NODE = 1;

/** Largest read or write, as guest/greet.c tells the kernel, and what a message may be with its header and arguments. */
export const MAX_TRANSFER = 1 << 20;
export const MAX_MESSAGE = MAX_TRANSFER + 4096;
export const MAX_NAME = 255;
export const MAX_LINK = 4095;

export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  SYNCFS: 50,
} as const;

export const SetAttribute = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  KILL_SUIDGID: 1 << 11,
} as const;

export const FOPEN_KEEP_CACHE = 1 << 1;
export const WRITE_KILL_SUIDGID = 1 << 2;
export const FSYNC_DATA_ONLY = 1 << 0;
export const RENAME_NOREPLACE = 1 << 0;

export const Notification = { INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** `S_IFMT` and the kinds of file, the same on every host. */
export const Format = {
  MASK: 0o170000,
  SOCKET: 0o140000,
  LINK: 0o120000,
  FILE: 0o100000,
  BLOCK: 0o060000,
  DIRECTORY: 0o040000,
  CHARACTER: 0o020000,
  FIFO: 0o010000,
} as const;

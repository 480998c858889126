// Linux error numbers, which are what the guest understands whatever the host is.

import { errnoOf } from '../../model/error.ts';

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EOPNOTSUPP: 95,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

/** What an operation answers when it fails: thrown where a value would have to pass through many hands. */
export class Refusal extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** The number for anything thrown; what nobody foresaw is EIO. */
export function errnoFor(error: unknown): number {
  if (error instanceof Refusal) return error.errno;
  const code = errnoOf(error);
  if (code === undefined) return Errno.EIO;
  return (Errno as Record<string, number>)[code] ?? Errno.EIO;
}

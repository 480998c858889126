// Preloaded into a QEMU older than 8.2, which opens the file its guest's memory is copied from for writing although a
// private mapping needs no more than reading. Turns that one open into one for reading, so that the file can lie on a
// read-only mount and belong to somebody else.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_file(const char *path, int flags, mode_t mode) {
  const char *memory = getenv("AGENT_SANDBOX_MEMORY");
  if (memory && (flags & O_ACCMODE) == O_RDWR && strcmp(path, memory) == 0) flags &= ~(O_ACCMODE | O_CREAT);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define OPEN(name)                                                   \
  int name(const char *path, int flags, ...) {                       \
    mode_t mode = 0;                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                             \
      va_list rest;                                                  \
      va_start(rest, flags);                                         \
      mode = va_arg(rest, mode_t);                                   \
      va_end(rest);                                                  \
    }                                                                \
    return open_file(path, flags, mode);                             \
  }

OPEN(open)
OPEN(open64)

// What the two are called where the compiler checks that no mode is missing.
int __open_2(const char *path, int flags) { return open_file(path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_file(path, flags, 0); }

// Mounts a FUSE server that listens on a unix socket with this machine's own kernel as the client, in a mount namespace of
// its own, and runs one command there. What a guest's init does, without the guest.
//
//   fuse-client SOCKET MOUNTPOINT UID GID [-b PATH]... -- COMMAND [ARGUMENT...]
//
// -b PATH: MOUNTPOINT/PATH is also bound onto PATH, as a guest binds its shares.
// Notifications (unique 0) are written by a thread of their own: they may wait for a lock that only a reply releases.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "greet.h"

#define MESSAGE_MAX ((1 << 20) + 8192)

static int server, fuse;
static int notices[2];

static void die(const char *what) {
  fprintf(stderr, "fuse-client: %s: %s\n", what, strerror(errno));
  exit(99);
}

// What guest/greet.c calls when the kernel asks what it does not expect.
_Noreturn void fault(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  exit(99);
}

static int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    bytes += n;
    count -= n;
  }
  return 0;
}

static int read_all(int fd, char *bytes, size_t count) {
  while (count > 0) {
    ssize_t n = read(fd, bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    bytes += n;
    count -= n;
  }
  return 0;
}

static void *requests(void *unused) {
  static char message[MESSAGE_MAX];
  (void)unused;
  for (;;) {
    ssize_t n = read(fuse, message, sizeof message);
    if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (n <= 0 || write_all(server, message, n) < 0) return 0;
  }
}

static void *notifications(void *unused) {
  static char message[MESSAGE_MAX];
  (void)unused;
  for (;;) {
    uint32_t length;
    if (read_all(notices[0], (char *)&length, 4) < 0) return 0;
    memcpy(message, &length, 4);
    if (read_all(notices[0], message + 4, length - 4) < 0) return 0;
    if (write(fuse, message, length) < 0 && errno != ENOENT && errno != ENOTDIR && getenv("FUSE_CLIENT_VERBOSE"))
      fprintf(stderr, "fuse-client: notification: %s\n", strerror(errno));
  }
}

static void *replies(void *unused) {
  static char buffer[4 * MESSAGE_MAX];
  size_t held = 0;
  (void)unused;
  for (;;) {
    ssize_t n = read(server, buffer + held, sizeof buffer - held);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    held += n;
    size_t at = 0;
    while (held - at >= 16) {
      uint32_t length;
      uint64_t unique;
      memcpy(&length, buffer + at, 4);
      memcpy(&unique, buffer + at + 8, 8);
      if (held - at < length) break;
      if (unique == 0)
        write_all(notices[1], buffer + at, length);
      else if (write(fuse, buffer + at, length) < 0 && errno != ENOENT)
        fprintf(stderr, "fuse-client: reply of %u bytes: %s\n", length, strerror(errno));
      at += length;
    }
    memmove(buffer, buffer + at, held - at);
    held -= at;
  }
  // The server is gone: whoever waits for an answer must not wait for ever.
  close(fuse);
  umount2(".", MNT_FORCE);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 7) return 98;
  const char *socket_path = argv[1], *mountpoint = argv[2];
  uid_t uid = atoi(argv[3]);
  gid_t gid = atoi(argv[4]);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
  server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(server, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  if (unshare(CLONE_NEWNS) < 0) die("unshare");
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) die("make private");
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fuse < 0) die("/dev/fuse");
  char options[256];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=1048576", fuse);
  if (mount("host", mountpoint, "fuse", MS_NOSUID | MS_NODEV, options) < 0) die("mount");
  greet_begin(fuse);
  greet_end();
  fcntl(fuse, F_SETFL, O_RDWR);
  if (pipe2(notices, O_CLOEXEC) < 0) die("pipe");
  fcntl(notices[1], F_SETPIPE_SZ, 1 << 20);
  pthread_t thread;
  pthread_create(&thread, NULL, requests, NULL);
  pthread_create(&thread, NULL, replies, NULL);
  pthread_create(&thread, NULL, notifications, NULL);
  int at = 5;
  for (; at + 1 < argc && strcmp(argv[at], "-b") == 0; at += 2) {
    char source[4096];
    snprintf(source, sizeof source, "%s%s", mountpoint, argv[at + 1]);
    if (mount(source, argv[at + 1], NULL, MS_BIND, NULL) < 0) die("bind");
  }
  if (strcmp(argv[at], "--") != 0) return 98;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Entered anew, so that the working directory is the bound one.
    char *cwd = getcwd(NULL, 0);
    if (cwd && chdir(cwd) < 0) _exit(97);
    if (uid != 0 && (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)) _exit(96);
    execvp(argv[at + 1], argv + at + 1);
    perror(argv[at + 1]);
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  for (int i = 5; i + 1 < at; i += 2) umount2(argv[i + 1], MNT_DETACH);
  umount2(mountpoint, MNT_DETACH);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

// The smallest guest the engine can be tested with: it says HELLO on the port "mux" and then obeys single letters.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <sys/io.h>
#endif

static void load_modules(void) {
  FILE *order = fopen("/m/order", "r");
  char name[64], path[96];
  while (order && fscanf(order, "%63s", name) == 1) {
    snprintf(path, sizeof path, "/m/%s.ko", name);
    int file = open(path, O_RDONLY);
    if (file < 0 || (syscall(SYS_finit_module, file, "", 0) && errno != EEXIST)) printf("module %s: %m\n", name);
    close(file);
  }
}

static int open_port(const char *wanted) {
  for (;;) {
    DIR *ports = opendir("/sys/class/virtio-ports");
    struct dirent *entry;
    while (ports && (entry = readdir(ports))) {
      char path[512], name[64] = "";
      snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
      FILE *file = fopen(path, "r");
      if (!file) continue;
      if (fscanf(file, "%63s", name) != 1) name[0] = 0;
      fclose(file);
      if (strcmp(name, wanted)) continue;
      snprintf(path, sizeof path, "/dev/%s", entry->d_name);
      closedir(ports);
      int port = open(path, O_RDWR);
      if (port >= 0) return port;
      ports = 0;
      break;
    }
    if (ports) closedir(ports);
    usleep(2000);
  }
}

int main(void) {
  mount("proc", "/proc", "proc", 0, 0);
  mount("sysfs", "/sys", "sysfs", 0, 0);
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  load_modules();
  int mux = open_port("mux"), fs = open_port("fs");
  static const char hello[] = {5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'H', 'E', 'L', 'L', 'O'};
  if (write(mux, hello, sizeof hello) < 0) return 1;
  volatile int count = 0;
  for (;;) {
    char letter;
    if (read(mux, &letter, 1) != 1) {
      usleep(1000);
      continue;
    }
    if (letter == 'P' && write(mux, "PONG", 4) != 4) return 1;
    if (letter == 'N') { // counts in its own memory
      char text[32];
      int length = snprintf(text, sizeof text, "count %d\n", ++count);
      if (write(mux, text, length) != length) return 1;
    }
    if (letter == 'E') { // one byte from fs to mux
      if (read(fs, &letter, 1) != 1 || write(mux, &letter, 1) != 1) return 1;
    }
    if (letter == 'F')
      for (;;) printf("flood flood flood flood flood flood flood flood flood flood flood flood\n");
    if (letter == 'X') reboot(RB_POWER_OFF);
    if (letter == 'C') return 1;
#if defined(__x86_64__)
    if (letter == 'S' && write(mux, "S", 1) == 1 && !iopl(3)) {
      usleep(20000);
      __asm__ volatile("cli");
      for (;;) __asm__ volatile("");
    }
#endif
  }
}

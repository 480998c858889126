/* Early mounts, modules, ports, kernel settings. */
#define _GNU_SOURCE
#include "boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "system.h"

#define PORT_TRIES 2500
#define PORT_WAIT_US 2000

static void load_module(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/m/%s.ko", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fault("%s: %m", path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST) fault("%s: %m", path);
    close(fd);
}

/* One name a line; empty where the kernel has everything built in. */
static void load_modules(void)
{
    FILE *order = fopen("/m/order", "re");
    char line[96];
    if (!order) return;
    while (fgets(line, sizeof line, order)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line) load_module(line);
    }
    fclose(order);
}

void boot_prepare(void)
{
    const char *directories[] = {"/proc", "/sys", "/dev", "/lower", "/root"};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) mkdir(directories[i], 0755);
    mount_or_fault("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_or_fault("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL) < 0 && errno != EBUSY) fault("mount /dev: %m");
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 1048576};
    setrlimit(RLIMIT_NOFILE, &files);
    load_modules();
}

/* The device name of the port called `name`, or false. */
static bool find_port(const char *name, char *device, size_t size)
{
    DIR *ports = opendir("/sys/class/virtio-ports");
    bool found = false;
    if (!ports) return false;
    for (struct dirent *entry; !found && (entry = readdir(ports));) {
        char path[300], text[64] = "";
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        if (read(fd, text, sizeof text - 1) > 0) {
            text[strcspn(text, "\n")] = '\0';
            found = strcmp(text, name) == 0;
            if (found) snprintf(device, size, "/dev/%s", entry->d_name);
        }
        close(fd);
    }
    closedir(ports);
    return found;
}

int boot_port(const char *name)
{
    char device[300];
    /* The port appears a moment after its driver, and may refuse to open before the host has connected. */
    for (int tries = 0; tries < PORT_TRIES; tries++) {
        if (find_port(name, device, sizeof device)) {
            int fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
            if (fd >= 0) return fd;
        }
        usleep(PORT_WAIT_US);
    }
    fault("port %s does not appear", name);
}

void boot_harden(void)
{
    /* Each is depth: absent ones are not missed. */
    static const char *const settings[][2] = {
        {"/proc/sys/kernel/unprivileged_bpf_disabled", "1"},
        {"/proc/sys/kernel/kptr_restrict", "2"},
        {"/proc/sys/kernel/dmesg_restrict", "1"},
        {"/proc/sys/kernel/perf_event_paranoid", "3"},
        {"/proc/sys/kernel/yama/ptrace_scope", "1"},
        {"/proc/sys/kernel/kexec_load_disabled", "1"},
        {"/proc/sys/kernel/modules_disabled", "1"},
        {"/proc/sys/kernel/sysrq", "0"},
        {"/proc/sys/user/max_user_namespaces", "0"},
        {"/proc/sys/vm/unprivileged_userfaultfd", "0"},
        {"/proc/sys/dev/tty/legacy_tiocsti", "0"},
        {"/proc/sys/fs/protected_hardlinks", "1"},
        {"/proc/sys/fs/protected_symlinks", "1"},
        {"/proc/sys/fs/protected_fifos", "1"},
        {"/proc/sys/fs/protected_regular", "1"},
        {"/proc/sys/fs/suid_dumpable", "0"},
        /* Watchers of large trees. */
        {"/proc/sys/fs/inotify/max_user_watches", "524288"},
        {"/proc/sys/fs/inotify/max_user_instances", "1024"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) write_file(settings[i][0], settings[i][1]);
}

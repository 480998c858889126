/*
 * Prepares mounts and the overlay's upper layer. Invariants: nothing here knows of a session; nothing allows setuid, and
 * devices only /dev, which is made by hand.
 */
#define _GNU_SOURCE
#include "stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "etc.h"
#include "fault.h"
#include "system.h"

#define QUIET (MS_NOSUID | MS_NODEV)

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) < 0) fault("%s: %m", path);
}

static void stage_mount(const char *type, const char *path, unsigned long flags, const char *options)
{
    make_folder(path);
    mount_or_fault(type, path, flags, options);
}

static void make_node(const char *path, unsigned device, mode_t mode)
{
    if (mknod(path, S_IFCHR | mode, device) < 0 || chmod(path, mode) < 0) fault("%s: %m", path);
}

static void make_link(const char *target, const char *path)
{
    if (symlink(target, path) < 0) fault("%s: %m", path);
}

/* Only what programs need: no port to the host, no memory, no fuse, no kernel log. */
static void make_devices(void)
{
    stage_mount("tmpfs", STAGE "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k");
    make_node(STAGE "/dev/null", makedev(1, 3), 0666);
    make_node(STAGE "/dev/zero", makedev(1, 5), 0666);
    make_node(STAGE "/dev/full", makedev(1, 7), 0666);
    make_node(STAGE "/dev/random", makedev(1, 8), 0666);
    make_node(STAGE "/dev/urandom", makedev(1, 9), 0666);
    make_node(STAGE "/dev/tty", makedev(5, 0), 0666);
    make_link("/proc/self/fd", STAGE "/dev/fd");
    make_link("/proc/self/fd/0", STAGE "/dev/stdin");
    make_link("/proc/self/fd/1", STAGE "/dev/stdout");
    make_link("/proc/self/fd/2", STAGE "/dev/stderr");
    make_link("pts/ptmx", STAGE "/dev/ptmx");
    stage_mount("devpts", STAGE "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    stage_mount("tmpfs", STAGE "/dev/shm", QUIET, "mode=1777");
}

/* The upper layer starts with what every session has: places to mount at, and files in /etc. */
static void make_upper(void)
{
    static const char *const folders[] = {"", "/proc", "/sys", "/dev", "/run", "/tmp", "/var", "/var/tmp", "/etc"};
    stage_mount("tmpfs", STAGE_UPPER, QUIET, "mode=755");
    make_folder(STAGE_WORK);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[64] = STAGE_FILES;
        strcat(path, folders[i]);
        make_folder(path);
    }
    int upper = open(STAGE_UPPER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (upper < 0) fault(STAGE_UPPER ": %m");
    etc_prepare(upper);
    close(upper);
}

void stage_prepare(void)
{
    umask(0);
    make_folder(STAGE);
    make_upper();
    /* Other users' processes, init among them, are not there for the agent. */
    stage_mount("proc", STAGE "/proc", QUIET | MS_NOEXEC, "hidepid=2");
    stage_mount("sysfs", STAGE "/sys", QUIET | MS_NOEXEC | MS_RDONLY, NULL);
    make_devices();
    stage_mount("tmpfs", STAGE "/run", QUIET, "mode=755");
    make_folder(STAGE "/run" SESSION_SOCKET_FOLDER);
    stage_mount("tmpfs", STAGE "/tmp", QUIET, "mode=1777");
    stage_mount("tmpfs", STAGE "/vartmp", QUIET, "mode=1777");
    stage_mount("tmpfs", STAGE_HOME, QUIET, "mode=700");
    umask(022);
}

/*
 * Builds the session's file tree. Invariants: nothing of it allows setuid or devices but /dev, which is made by hand; no
 * path of the server's tree is followed from outside the new root.
 */
#define _GNU_SOURCE
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "etc.h"
#include "fault.h"
#include "pump.h"
#include "system.h"

#define QUIET (MS_NOSUID | MS_NODEV)

int root_files = -1;

/* Parts of initramfs and of the new root where the server may have something else than a directory. */
static void mount_memory(const char *path, unsigned long flags, const char *options)
{
    make_path(path, NULL, 0, 0);
    mount_or_fault("tmpfs", path, flags, options);
}

static void mount_server(int fs_port)
{
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fuse < 0) fault("/dev/fuse: %m");
    char options[160];
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=1048576", fuse);
    mount_or_fault("fuse", "/lower", QUIET, options);
    pump_start(fuse, fs_port);
}

static void mount_overlay(const struct config *config)
{
    char options[64] = "mode=755";
    if (config->disk > 0) snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)config->disk);
    mount_or_fault("tmpfs", "/upper", QUIET, options);
    if (mkdir("/upper/files", 0755) < 0 || mkdir("/upper/work", 0755) < 0) fault("overlay directories: %m");
    mount_or_fault("overlay", "/root", QUIET, "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work");
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
    mount_memory("/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k");
    make_node("/dev/null", makedev(1, 3), 0666);
    make_node("/dev/zero", makedev(1, 5), 0666);
    make_node("/dev/full", makedev(1, 7), 0666);
    make_node("/dev/random", makedev(1, 8), 0666);
    make_node("/dev/urandom", makedev(1, 9), 0666);
    make_node("/dev/tty", makedev(5, 0), 0666);
    make_link("/proc/self/fd", "/dev/fd");
    make_link("/proc/self/fd/0", "/dev/stdin");
    make_link("/proc/self/fd/1", "/dev/stdout");
    make_link("/proc/self/fd/2", "/dev/stderr");
    make_link("pts/ptmx", "/dev/ptmx");
    if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 0755) < 0) fault("/dev: %m");
    mount_or_fault("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    mount_or_fault("tmpfs", "/dev/shm", QUIET, "mode=1777");
}

static void mount_fresh(const struct config *config)
{
    char options[96];
    make_path("/proc", NULL, 0, 0);
    /* Other users' processes, init among them, are not there for the agent. */
    mount_or_fault("proc", "/proc", QUIET | MS_NOEXEC, "hidepid=2");
    make_path("/sys", NULL, 0, 0);
    mount_or_fault("sysfs", "/sys", QUIET | MS_NOEXEC | MS_RDONLY, NULL);
    make_devices();
    mount_memory("/run", QUIET, "mode=755");
    mount_memory("/tmp", QUIET, "mode=1777");
    mount_memory("/var/tmp", QUIET, "mode=1777");
    snprintf(options, sizeof options, "mode=700,uid=%u,gid=%u", config->uid, config->gid);
    mount_memory(config->home, QUIET, options);
}

/* One path of the server's tree, bound at the same path of the new root. */
static void bind_share(const char *share, const struct config *config)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int from = (int)syscall(SYS_openat2, root_files, share + 1, &how, sizeof how);
    struct stat stat;
    if (from < 0 || fstat(from, &stat) < 0) fault("share %s: %m", share);
    if (S_ISDIR(stat.st_mode)) {
        make_path(share, config->home, config->uid, config->gid);
    } else {
        char parent[4096];
        snprintf(parent, sizeof parent, "%s", share);
        *strrchr(parent, '/') = '\0';
        if (*parent) make_path(parent, config->home, config->uid, config->gid);
        int made = open(share, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (made < 0) fault("share %s: %m", share);
        close(made);
    }
    int tree = (int)syscall(SYS_open_tree, from, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, share, MOVE_MOUNT_F_EMPTY_PATH) < 0) fault("share %s: %m", share);
    close(from);
    close(tree);
}

void root_enter(const struct config *config, int fs_port)
{
    mount_server(fs_port);
    root_files = open("/lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_files < 0) fault("file server's root: %m");
    mount_overlay(config);
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) fault("new root: %m");
    umask(022);
    mount_fresh(config);
    for (unsigned i = 0; i < config->share_count; i++) bind_share(config->shares[i], config);
    make_path("/run/agent-sandbox", NULL, 0, 0);
    etc_write(config);
}

/*
 * Builds the session's file tree. Invariants: the server's tree is mounted nosuid and nodev; no path of it is followed from
 * outside the new root.
 */
#define _GNU_SOURCE
#include "root.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "etc.h"
#include "fault.h"
#include "pump.h"
#include "stage.h"
#include "system.h"

/* Older C libraries know the calls' numbers but not their flags, and clash with the kernel's header that does. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif

int root_files = -1;

void root_prepare(int fs_port)
{
    stage_prepare();
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fuse < 0) fault("/dev/fuse: %m");
    char options[160];
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=1048576", fuse);
    /* The kernel's first message waits in the queue until the pump is let go: the file server sees a fresh mount. */
    mount_or_fault("fuse", "/lower", MS_NOSUID | MS_NODEV, options);
    pump_prepare(fuse, fs_port);
}

static void mount_overlay(const struct config *config)
{
    char options[64];
    if (config->disk > 0) {
        snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)config->disk);
        if (mount("tmpfs", STAGE_UPPER, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) < 0) fault("disk limit: %m");
    }
    mount_or_fault("overlay", "/root", MS_NOSUID | MS_NODEV,
                   "lowerdir=/lower,upperdir=" STAGE_FILES ",workdir=" STAGE_WORK);
}

/* The places are real directories of the upper layer: no link of the server leads elsewhere. */
static void put(const char *part, const char *place)
{
    char from[64], to[PATH_MAX + 8];
    snprintf(from, sizeof from, STAGE "/%s", part);
    snprintf(to, sizeof to, "/root%s", place);
    if (mount(from, to, NULL, MS_MOVE, NULL) == 0) return;
    /* A home below another part, such as /tmp/home. */
    make_path(to, NULL, 0, 0);
    if (mount(from, to, NULL, MS_MOVE, NULL) < 0) fault("mount %s: %m", place);
}

static void make_home(const struct config *config)
{
    char path[PATH_MAX + sizeof STAGE_FILES];
    snprintf(path, sizeof path, STAGE_FILES "%s", config->home);
    make_path(path, NULL, 0, 0);
    if (chown(STAGE_HOME, config->uid, config->gid) < 0) fault("home: %m");
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
        char parent[PATH_MAX];
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

void root_enter(const struct config *config)
{
    pump_start();
    root_files = open("/lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_files < 0) fault("file server's root: %m");
    make_home(config);
    etc_complete(config, root_files);
    mount_overlay(config);
    put("proc", "/proc");
    put("sys", "/sys");
    put("dev", "/dev");
    put("run", "/run");
    put("tmp", "/tmp");
    put("vartmp", "/var/tmp");
    put("home", config->home);
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) fault("new root: %m");
    for (unsigned i = 0; i < config->share_count; i++) bind_share(config->shares[i], config);
}

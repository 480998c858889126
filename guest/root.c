/*
 * Builds the session's file tree. Invariants: the server's tree is mounted nosuid and nodev; no path of it is followed from
 * outside the new root.
 */
#define _GNU_SOURCE
#include "root.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "etc.h"
#include "fault.h"
#include "greet.h"
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

#define READ_AHEAD_KB "512"

int root_files = -1;
/* The overlay's upper file system, and what is not in place yet. */
static int upper = -1, home = -1, var_tmp = -1;

/* How far the kernel reads ahead of a program that maps a file: each piece is a question to the host. */
static void read_ahead(void)
{
    glob_t found;
    if (glob("/sys/class/bdi/0:*/read_ahead_kb", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) write_file(found.gl_pathv[i], READ_AHEAD_KB);
        globfree(&found);
    }
}

/* Names of the upper layer that a mount covers: without this the server would be asked what lies below. */
static void hide_lower(const char *place)
{
    char path[64];
    snprintf(path, sizeof path, STAGE_FILES "%s", place);
    if (setxattr(path, "trusted.overlay.opaque", "y", 1, 0) < 0) fault("%s: %m", path);
}

static void put(const char *part, const char *place)
{
    char from[64], to[64];
    snprintf(from, sizeof from, STAGE "/%s", part);
    snprintf(to, sizeof to, "/root%s", place);
    if (mount(from, to, NULL, MS_MOVE, NULL) < 0) fault("mount %s: %m", place);
}

static int detach(const char *part)
{
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, part, OPEN_TREE_CLOEXEC);
    if (tree < 0) fault("%s: %m", part);
    return tree;
}

static void attach(int tree, const char *place)
{
    if (syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0) fault("mount %s: %m", place);
}

void root_prepare(int fs_port)
{
    static const char *const covered[] = {"/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"};
    stage_prepare();
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fuse < 0) fault("/dev/fuse: %m");
    char options[160];
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=1048576", fuse);
    mount_or_fault("fuse", "/lower", MS_NOSUID | MS_NODEV, options);
    greet_begin(fuse);
    root_files = open("/lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_files < 0) fault("file server's root: %m");
    read_ahead();
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) hide_lower(covered[i]);
    mount_or_fault("overlay", "/root", MS_NOSUID | MS_NODEV,
                   "lowerdir=/lower,upperdir=" STAGE_FILES ",workdir=" STAGE_WORK);
    put("proc", "/proc");
    put("sys", "/sys");
    put("dev", "/dev");
    put("run", "/run");
    put("tmp", "/tmp");
    upper = open(STAGE_UPPER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (upper < 0) fault(STAGE_UPPER ": %m");
    home = detach(STAGE_HOME);
    var_tmp = detach(STAGE "/vartmp");
    if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) fault("new root: %m");
    greet_end();
    pump_prepare(fuse, fs_port);
}

static void limit_upper(uint64_t size)
{
    char path[32], options[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", upper);
    snprintf(options, sizeof options, "mode=755,size=%llu", (unsigned long long)size);
    if (mount("tmpfs", path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) < 0) fault("disk limit: %m");
}

static void put_home(const struct config *config)
{
    if (fchownat(home, "", config->uid, config->gid, AT_EMPTY_PATH) < 0) fault("home: %m");
    make_path(config->home, NULL, 0, 0);
    attach(home, config->home);
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
    if (config->disk > 0) limit_upper(config->disk);
    etc_complete(config, upper);
    attach(var_tmp, "/var/tmp");
    put_home(config);
    close(upper);
    close(var_tmp);
    close(home);
    for (unsigned i = 0; i < config->share_count; i++) bind_share(config->shares[i], config);
}

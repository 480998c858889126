/* Small calls to the kernel that several parts of init need. */
#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

void make_path(const char *path, const char *owned, uid_t uid, gid_t gid)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    size_t owned_length = owned ? strlen(owned) : 0;
    if (length >= sizeof part) fault("path is too long");
    /* Making what is there already would have the file server asked again for each part of the path. */
    size_t there = length;
    memcpy(part, path, length + 1);
    while (there > 0 && access(part, F_OK) < 0) {
        while (there > 0 && part[there] != '/') there--;
        part[there] = '\0';
    }
    for (size_t end = there + 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0') continue;
        memcpy(part, path, end);
        part[end] = '\0';
        if (mkdir(part, 0755) == 0) {
            bool below = owned && strncmp(part, owned, owned_length) == 0 && part[owned_length] == '/';
            if (below && lchown(part, uid, gid) < 0) fault("chown %s: %m", part);
        } else if (errno != EEXIST) {
            fault("mkdir %s: %m", part);
        }
    }
}

void mount_or_fault(const char *type, const char *target, unsigned long flags, const char *options)
{
    if (mount(type, target, type, flags, options) < 0) fault("mount %s at %s: %m", type, target);
}

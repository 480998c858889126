/* Writes /etc files into the overlay. Invariant: a link the server shows in their place is replaced, never followed. */
#define _GNU_SOURCE
#include "etc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"
#include "fault.h"
#include "system.h"

#define TABLE_MAX (1024 * 1024)

static void replace_file(const char *path, const char *text, size_t length)
{
    if (unlink(path) < 0 && errno != ENOENT) fault("%s: %m", path);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) fault("%s: %m", path);
    while (length > 0) {
        ssize_t count = write(fd, text, length);
        if (count < 0) fault("%s: %m", path);
        text += count;
        length -= (size_t)count;
    }
    close(fd);
}

/* Whether a line of a passwd or group file has this number in its third field. */
static bool has_number(const char *table, unsigned number)
{
    char field[16];
    snprintf(field, sizeof field, ":%u:", number);
    const char *next;
    for (const char *line = table; *line; line = *next ? next + 1 : next) {
        next = strchrnul(line, '\n');
        const char *second = memchr(line, ':', (size_t)(next - line));
        const char *third = second ? memchr(second + 1, ':', (size_t)(next - second - 1)) : NULL;
        if (third && strncmp(third, field, strlen(field)) == 0) return true;
    }
    return false;
}

/* Adds the lines that are missing; a table the server does not show is made of them alone. */
static void complete_table(const char *path, unsigned number, const char *own_line, const char *root_line)
{
    char *table = calloc(1, TABLE_MAX + 512);
    if (!table) fault("out of memory");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t length = 0;
    ssize_t count;
    while (fd >= 0 && length < TABLE_MAX && (count = read(fd, table + length, TABLE_MAX - length)) > 0) length += (size_t)count;
    if (fd >= 0) close(fd);
    table[length] = '\0';
    bool has_root = has_number(table, 0), has_own = has_number(table, number);
    if (!has_root || !has_own) {
        if (length > 0 && table[length - 1] != '\n') table[length++] = '\n';
        length += (size_t)snprintf(table + length, 512, "%s%s", has_root ? "" : root_line, has_own ? "" : own_line);
        replace_file(path, table, length);
    }
    free(table);
}

void etc_write(const struct config *config)
{
    char text[8192];
    make_path("/etc", NULL, 0, 0);
    int length = snprintf(text, sizeof text, "nameserver %s\noptions timeout:10 attempts:1\n", DNS_ADDRESS);
    replace_file("/etc/resolv.conf", text, (size_t)length);
    length = snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", config->hostname);
    replace_file("/etc/hosts", text, (size_t)length);
    length = snprintf(text, sizeof text, "%s\n", config->hostname);
    replace_file("/etc/hostname", text, (size_t)length);
    snprintf(text, sizeof text, "%s:x:%u:%u::%s:/bin/sh\n", config->user, config->uid, config->gid, config->home);
    complete_table("/etc/passwd", config->uid, text, "root:x:0:0:root:/root:/bin/sh\n");
    snprintf(text, sizeof text, "%s:x:%u:\n", config->user, config->gid);
    complete_table("/etc/group", config->gid, text, "root:x:0:\n");
}

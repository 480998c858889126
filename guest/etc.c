/* Writes /etc files into the upper layer, where they hide what the server shows in their place, links included. */
#define _GNU_SOURCE
#include "etc.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dns.h"
#include "fault.h"
#include "stage.h"

#define TABLE_MAX (1024 * 1024)
#define LINE_SIZE (PATH_MAX + 256)

static void write_etc(const char *name, const char *text, size_t length)
{
    char path[64];
    snprintf(path, sizeof path, STAGE_FILES "/etc/%s", name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length) fault("%s: %m", path);
    close(fd);
}

static void write_names(const char *hostname)
{
    char text[256];
    int length = snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", hostname);
    write_etc("hosts", text, (size_t)length);
    length = snprintf(text, sizeof text, "%s\n", hostname);
    write_etc("hostname", text, (size_t)length);
    if (sethostname(hostname, strlen(hostname)) < 0) fault("host name: %m");
}

void etc_prepare(void)
{
    static const char resolver[] = "nameserver " DNS_ADDRESS "\noptions timeout:10 attempts:1\n";
    write_etc("resolv.conf", resolver, sizeof resolver - 1);
    write_names(USUAL_HOSTNAME);
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
static void complete_table(int lower, const char *name, unsigned number, const char *own_line, const char *root_line)
{
    static char table[TABLE_MAX + 2 * LINE_SIZE];
    char path[32];
    snprintf(path, sizeof path, "etc/%s", name);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, lower, path, &how, sizeof how);
    size_t length = 0;
    ssize_t count;
    while (fd >= 0 && length < TABLE_MAX && (count = read(fd, table + length, TABLE_MAX - length)) > 0) length += (size_t)count;
    if (fd >= 0) close(fd);
    table[length] = '\0';
    bool has_root = has_number(table, 0), has_own = has_number(table, number);
    if (has_root && has_own) return;
    if (length > 0 && table[length - 1] != '\n') table[length++] = '\n';
    length += (size_t)snprintf(table + length, 2 * LINE_SIZE - 1, "%s%s", has_root ? "" : root_line, has_own ? "" : own_line);
    write_etc(name, table, length);
}

void etc_complete(const struct config *config, int lower)
{
    char line[LINE_SIZE];
    if (strcmp(config->hostname, USUAL_HOSTNAME) != 0) write_names(config->hostname);
    if (!config->complete_accounts) return;
    snprintf(line, sizeof line, "%s:x:%u:%u::%s:/bin/sh\n", config->user, config->uid, config->gid, config->home);
    complete_table(lower, "passwd", config->uid, line, "root:x:0:0:root:/root:/bin/sh\n");
    snprintf(line, sizeof line, "%s:x:%u:\n", config->user, config->gid);
    complete_table(lower, "group", config->gid, line, "root:x:0:\n");
}

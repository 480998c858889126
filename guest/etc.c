/* Writes /etc files into the upper layer, where they hide what the server shows in their place, links included. */
#define _GNU_SOURCE
#include "etc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns.h"
#include "fault.h"
#include "stage.h"

static void write_etc(int upper, const char *name, const void *text, size_t length)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, STAGE_FILES_NAME "/etc/%s", name);
    int fd = openat(upper, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length) fault("%s: %m", path);
    close(fd);
}

static void write_names(int upper, const char *hostname)
{
    char text[256];
    int length = snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", hostname);
    write_etc(upper, "hosts", text, (size_t)length);
    length = snprintf(text, sizeof text, "%s\n", hostname);
    write_etc(upper, "hostname", text, (size_t)length);
    if (sethostname(hostname, strlen(hostname)) < 0) fault("host name: %m");
}

void etc_prepare(int upper)
{
    static const char resolver[] = "nameserver " DNS_ADDRESS "\noptions timeout:10 attempts:1\n";
    write_etc(upper, "resolv.conf", resolver, sizeof resolver - 1);
    write_names(upper, USUAL_HOSTNAME);
}

static void write_file_of(int upper, const struct file *file)
{
    char path[PATH_MAX + sizeof STAGE_FILES_NAME];
    snprintf(path, sizeof path, STAGE_FILES_NAME "%s", file->path);
    for (char *end = strchr(path, '/'); (end = strchr(end + 1, '/'));) {
        *end = '\0';
        if (mkdirat(upper, path, 0755) < 0 && errno != EEXIST) fault("%s: %m", path);
        *end = '/';
    }
    write_etc(upper, file->path + strlen("/etc/"), file->content, file->length);
}

void etc_complete(const struct config *config, int upper)
{
    if (strcmp(config->hostname, USUAL_HOSTNAME) != 0) write_names(upper, config->hostname);
    for (unsigned i = 0; i < config->file_count; i++) write_file_of(upper, &config->files[i]);
}

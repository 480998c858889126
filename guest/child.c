/*
 * From fork to exec. Invariant: when the program of the agent runs, it has no capability, cannot gain one, has no descriptor
 * but its three, and is no longer protected from the memory limit as init is.
 */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channels.h"
#include "seccomp.h"
#include "system.h"

static int status_pipe;

_Noreturn static void fail(uint32_t stage)
{
    struct failure failure = {.error = (uint32_t)errno, .stage = stage};
    if (write(status_pipe, &failure, sizeof failure) < 0) _exit(125);
    _exit(126);
}

static void need(bool done)
{
    if (!done) fail(STAGE_SETUP);
}

static void limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit limits = {.rlim_cur = soft, .rlim_max = hard};
    need(setrlimit((__rlimit_resource_t)resource, &limits) == 0);
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Above all that is wanted first, so that none overwrites another. */
static int aside(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    need(moved >= 0);
    return moved;
}

static void take_descriptors(const struct channels *channels, bool tty, int line)
{
    int input = aside(channels->ends[0][1]);
    int output = tty ? input : aside(channels->ends[1][1]);
    int errors = tty ? input : aside(channels->ends[2][1]);
    int status = aside(status_pipe);
    if (line >= 0) line = aside(line);
    if (tty) need(ioctl(input, TIOCSCTTY, 0) == 0);
    need(dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(errors, 2) == 2);
    need(dup3(status, CHILD_STATUS, O_CLOEXEC) == CHILD_STATUS);
    status_pipe = CHILD_STATUS;
    if (line >= 0) need(dup3(line, CHILD_LINE, O_CLOEXEC) == CHILD_LINE);
    need(syscall(SYS_close_range, line >= 0 ? CHILD_LINE + 1 : CHILD_LINE, ~0u, 0) == 0);
}

void child_open(const struct channels *channels, bool tty, int line)
{
    status_pipe = channels->status[1];
    need(setsid() >= 0);
    reset_signals();
    take_descriptors(channels, tty, line);
    umask(022);
    need(write_file("/proc/self/oom_score_adj", "0"));
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, 65536, 524288);
}

void child_confine(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) need(prctl(PR_CAPBSET_DROP, capability) == 0);
    need(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    need(seccomp_restrict());
}

/* Raw calls: the library's versions would try to change the threads of init that are not here. */
static void become_agent(const struct config *config)
{
    limit(RLIMIT_NPROC, config->processes, config->processes);
    need(syscall(SYS_setgroups, 0, NULL) == 0);
    need(syscall(SYS_setresgid, config->gid, config->gid, config->gid) == 0);
    need(syscall(SYS_setresuid, config->uid, config->uid, config->uid) == 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    need(syscall(SYS_capset, &header, none) == 0);
}

static const char *variable(const struct order *order, const char *name)
{
    size_t length = strlen(name);
    for (char **entry = order->variables; *entry; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
    }
    return NULL;
}

/* execve; a file without a known header is a script for sh, as in every shell. */
static void execute(const struct order *order, const char *path)
{
    execve(path, order->arguments, order->variables);
    if (errno != ENOEXEC) return;
    size_t count = 0;
    while (order->arguments[count]) count++;
    char *script[count + 2];
    script[0] = (char[]){"sh"};
    memcpy(script + 1, order->arguments, (count + 1) * sizeof *script);
    script[1] = (char *)(uintptr_t)path;
    execve("/bin/sh", script, order->variables);
}

/* Looks through PATH as execvp does; errno says why nothing ran: a file that may not be executed counts more than none. */
static void search(const struct order *order)
{
    const char *name = order->arguments[0];
    if (strchr(name, '/')) {
        execute(order, name);
        return;
    }
    const char *path = variable(order, "PATH");
    if (!path) path = "/usr/local/bin:/usr/bin:/bin";
    int error = ENOENT;
    char file[PATH_MAX];
    for (const char *part = path; part; part = strchr(part, ':') ? strchr(part, ':') + 1 : NULL) {
        size_t length = strcspn(part, ":");
        if (length == 0 || length + strlen(name) + 2 > sizeof file) continue;
        memcpy(file, part, length);
        file[length] = '/';
        strcpy(file + length + 1, name);
        execute(order, file);
        if (errno == EACCES) error = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR) return;
    }
    errno = *name ? error : ENOENT;
}

_Noreturn void child_run(const struct order *order, const struct config *config)
{
    if (!order->root) become_agent(config);
    if (chdir(order->directory) < 0) fail(STAGE_DIRECTORY);
    search(order);
    fail(STAGE_EXECUTE);
}

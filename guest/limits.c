/*
 * Limits on what the host starts: number of processes and memory, root's too. Invariant: a guest out of memory loses the
 * agent's processes, never init.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "fault.h"
#include "system.h"

#define GROUPS "/groups"
/* For init, its buffers and the kernel: a share of the machine, at least this. */
#define RESERVE_MIN (64ull << 20)

/* What a session usually asks for; writing another number costs it time. */
#define USUAL_PROCESSES 2048

static int group = -1;

static void set_limit(const char *file, unsigned long long value)
{
    char path[64], number[32];
    snprintf(path, sizeof path, GROUPS "/session/%s", file);
    snprintf(number, sizeof number, "%llu", value);
    write_file(path, number);
}

void limits_prepare(void)
{
    struct sysinfo machine;
    write_file("/proc/self/oom_score_adj", "-1000");
    mkdir(GROUPS, 0700);
    if (mount("cgroup2", GROUPS, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) return;
    write_file(GROUPS "/cgroup.subtree_control", "+pids +memory");
    if (mkdir(GROUPS "/session", 0700) < 0 || sysinfo(&machine) < 0) return;
    unsigned long long total = (unsigned long long)machine.totalram * machine.mem_unit;
    unsigned long long reserve = total / 16 > RESERVE_MIN ? total / 16 : RESERVE_MIN;
    set_limit("memory.max", total > 2 * reserve ? total - reserve : total / 2);
    set_limit("pids.max", USUAL_PROCESSES);
    group = open(GROUPS "/session", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void limits_set(uint32_t processes)
{
    /* The mount is out of reach by now. */
    if (group < 0 || processes == USUAL_PROCESSES) return;
    int file = openat(group, "pids.max", O_WRONLY | O_CLOEXEC);
    if (file < 0 || dprintf(file, "%u", processes) < 0) fault("process limit: %m");
    close(file);
}

pid_t limits_fork(void)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    if (group >= 0) {
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)group;
    }
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

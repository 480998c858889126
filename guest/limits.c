/*
 * Limits on what the host starts: number of processes and memory, root's too. Invariant: a guest out of memory loses the
 * agent's processes, never init.
 */
#define _GNU_SOURCE
#include "limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "system.h"

#define GROUPS "/groups"
/* For init, its buffers and the kernel: a share of the machine, at least this. */
#define RESERVE_MIN (64ull << 20)

static int group = -1;

void limits_prepare(void)
{
    write_file("/proc/self/oom_score_adj", "-1000");
    mkdir(GROUPS, 0700);
    if (mount("cgroup2", GROUPS, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) return;
    write_file(GROUPS "/cgroup.subtree_control", "+pids +memory");
    if (mkdir(GROUPS "/session", 0700) < 0) return;
    group = open(GROUPS "/session", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int limits_set(uint32_t processes)
{
    char number[32];
    struct sysinfo machine;
    if (group < 0) return -1;
    snprintf(number, sizeof number, "%u", processes);
    write_file(GROUPS "/session/pids.max", number);
    if (sysinfo(&machine) < 0) return group;
    unsigned long long total = (unsigned long long)machine.totalram * machine.mem_unit;
    unsigned long long reserve = total / 16 > RESERVE_MIN ? total / 16 : RESERVE_MIN;
    snprintf(number, sizeof number, "%llu", total > 2 * reserve ? total - reserve : total / 2);
    write_file(GROUPS "/session/memory.max", number);
    return group;
}

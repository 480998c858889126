/*
 * Depth, not the wall: kernel parts with many faults and no use for programs answer as if they were not there. The wall is
 * the hypervisor. System calls of other ABIs (32-bit, x32) do not exist for the agent, or the list could be walked around.
 */
#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "unknown architecture"
#endif

#define X32_BIT 0x40000000u
#define ANSWER(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The call `number` fails with `error`. */
#define REFUSE(number, error) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ANSWER(error)

bool seccomp_restrict(void)
{
    struct sock_filter program[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
        ANSWER(ENOSYS),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
        ANSWER(ENOSYS),
        /* ENOSYS makes runtimes fall back to other calls. */
        REFUSE(SYS_io_uring_setup, ENOSYS),
        REFUSE(SYS_io_uring_enter, ENOSYS),
        REFUSE(SYS_io_uring_register, ENOSYS),
        REFUSE(SYS_userfaultfd, ENOSYS),
        REFUSE(SYS_add_key, ENOSYS),
        REFUSE(SYS_request_key, ENOSYS),
        REFUSE(SYS_keyctl, ENOSYS),
        REFUSE(SYS_bpf, EPERM),
        REFUSE(SYS_perf_event_open, EPERM),
        REFUSE(SYS_kexec_load, EPERM),
        REFUSE(SYS_kexec_file_load, EPERM),
        REFUSE(SYS_init_module, EPERM),
        REFUSE(SYS_finit_module, EPERM),
        REFUSE(SYS_delete_module, EPERM),
        REFUSE(SYS_open_by_handle_at, EPERM),
        REFUSE(SYS_swapon, EPERM),
        REFUSE(SYS_swapoff, EPERM),
        /* Typing into the terminal of another process. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
        LOAD(args[1]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
        ANSWER(EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* Faults and the end of the machine. Invariant: PID 1 never returns and never exits. */
#define _GNU_SOURCE
#include "fault.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "mux.h"
#include "protocol.h"

_Noreturn void halt(void)
{
    /* What was handed to the port is on its way through QEMU: give it a moment. */
    usleep(20000);
    reboot(RB_POWER_OFF);
    /* A machine without a power switch: with -no-reboot a reset ends it too. */
    reboot(RB_AUTOBOOT);
    for (;;) pause();
}

_Noreturn void fault(const char *format, ...)
{
    char text[FAULT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) length = 0;
    if ((size_t)length >= sizeof text) length = sizeof text - 1;
    dprintf(STDERR_FILENO, "agent-sandbox init: %s\n", text);
    mux_last_words(TYPE_FAULT, text, (size_t)length);
    halt();
}

static void crashed(int number)
{
    static const char text[] = "init crashed";
    (void)number;
    mux_last_words(TYPE_FAULT, text, sizeof text - 1);
    halt();
}

void fault_prepare_signals(void)
{
    static char stack[16384];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
    const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
    /* Ended children are read from a descriptor; blocked here, before there are threads that would swallow the signal. */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    /* Init writes to pipes and sockets that others close. */
    signal(SIGPIPE, SIG_IGN);
}

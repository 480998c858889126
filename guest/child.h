/* The first moments of a process the host starts: from fork to exec. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "start.h"

struct order {
    char **arguments; /* NULL at the end */
    char **variables; /* NULL at the end */
    const char *directory;
    bool root;
    bool tty;
    uint16_t rows, columns;
};

/* What went wrong before the program ran, as it comes through the status pipe. */
struct failure {
    uint32_t error;
    uint32_t stage;
};

/* Its descriptors beside the standard ones: where it tells what went wrong, and where a spare one hears of its order. */
#define CHILD_STATUS 3
#define CHILD_LINE 4

struct channels;

/*
 * The three steps of a process from fork to exec, in this order; without `child_confine` it stays root. On failure each
 * writes a struct failure to the status pipe and exits. They run after a fork of a process with threads: system calls only.
 */
void child_open(const struct channels *channels, bool tty, int line);
void child_confine(void);
/* Becomes the program. */
_Noreturn void child_run(const struct order *order, const struct config *config);

#endif

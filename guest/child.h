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

/*
 * Becomes the program. `input`, `output`, `errors` are its standard descriptors (all the same for a terminal). On failure
 * writes a struct failure to `status` and exits. Runs after a fork of a process with threads: system calls only.
 */
_Noreturn void child_run(const struct order *order, const struct config *config, int input, int output, int errors, int status);

#endif

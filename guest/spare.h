/* A process made before the snapshot that waits to become the session's first command: a start then has less to do. */
#ifndef SPARE_H
#define SPARE_H

#include <stddef.h>
#include <sys/types.h>

#include "channels.h"

void spare_prepare(void);
/* Hands it the order, of which `message` is the text. False where there is none left, or none that fits. */
bool spare_take(const struct order *order, const uint8_t *message, size_t length, const struct config *config,
                struct channels *channels, pid_t *pid);

#endif

/* Files in /etc that speak of this session, in the overlay's upper layer. */
#ifndef ETC_H
#define ETC_H

#include "start.h"

/* The name of a guest whose session gives it no other. */
#define USUAL_HOSTNAME "sandbox"

/* What is the same in every session. */
void etc_prepare(void);
/* What this session adds; `lower` is the root of the server's tree. */
void etc_complete(const struct config *config, int lower);

#endif

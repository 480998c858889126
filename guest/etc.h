/* Files in /etc that speak of this session, in the overlay's upper layer. */
#ifndef ETC_H
#define ETC_H

#include "start.h"

/* The name of a guest whose session gives it no other. */
#define USUAL_HOSTNAME "sandbox"

/* What is the same in every session; `upper` is the upper file system. */
void etc_prepare(int upper);
/* What this session adds; before anything there is looked up through the overlay. */
void etc_complete(const struct config *config, int upper);

#endif

/* Files in /etc that speak of this session. */
#ifndef ETC_H
#define ETC_H

#include "start.h"

void etc_write(const struct config *config);

#endif

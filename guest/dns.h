/* The guest's name server: passes each question to the host and the answer back. It looks into neither. */
#ifndef DNS_H
#define DNS_H

#include "mux.h"

#define DNS_ADDRESS "127.0.0.53"

void dns_open(void);
/* A DNS_REPLY frame. */
void dns_reply(const struct frame *frame);

#endif

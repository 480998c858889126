/* An EXEC message as data. */
#ifndef ORDER_H
#define ORDER_H

#include "child.h"
#include "fields.h"

/* Copies what the message says; the copy is freed with order_free. */
void order_parse(struct order *order, const uint8_t *message, size_t length);
void order_free(struct order *order);

#endif

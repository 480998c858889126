/* The fields of a START or EXEC message: u16 tag, u16 zero, u32 length, value. */
#ifndef FIELDS_H
#define FIELDS_H

#include "mux.h"

struct field {
    uint16_t tag;
    const uint8_t *value;
    uint32_t length;
};

/* Collects the frames of one message; true when the last one is in. The message stays valid until the next call. */
bool message_collect(const struct frame *frame, const uint8_t **message, size_t *length);
/* The next field; false at the end. A message that does not parse is a fault. */
bool field_next(const uint8_t **message, size_t *length, struct field *field);
uint32_t field_u32(const struct field *field);
/* A copy as text, without NUL inside and at most `limit` long. The caller keeps it for ever or frees it. */
char *field_text(const struct field *field, size_t limit);
/* The same for an absolute path without `.` and `..` parts. */
char *field_path(const struct field *field);

#endif

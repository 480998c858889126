/* Messages and their fields. Invariant: what does not parse exactly is a fault, never guessed. */
#define _GNU_SOURCE
#include "fields.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "protocol.h"

static uint8_t *message_bytes;
static size_t message_length;
static uint32_t message_stream;
static bool collecting;

bool message_collect(const struct frame *frame, const uint8_t **message, size_t *length)
{
    if (!collecting) {
        message_length = 0;
        message_stream = frame->stream;
    }
    if (frame->stream != message_stream) fault("mux: a message of stream %u inside one of %u", frame->stream, message_stream);
    if (message_length + frame->length > MESSAGE_MAX) fault("mux: message is too long");
    uint8_t *grown = realloc(message_bytes, message_length + frame->length + 1);
    if (!grown) fault("out of memory");
    message_bytes = grown;
    memcpy(message_bytes + message_length, frame->payload, frame->length);
    message_length += frame->length;
    collecting = frame->flags & FLAG_MORE;
    *message = message_bytes;
    *length = message_length;
    return !collecting;
}

bool field_next(const uint8_t **message, size_t *length, struct field *field)
{
    if (*length == 0) return false;
    if (*length < 8) fault("mux: cut field");
    field->tag = get_u16(*message);
    field->length = get_u32(*message + 4);
    if (get_u16(*message + 2) != 0 || field->length > *length - 8) fault("mux: bad field %u", field->tag);
    field->value = *message + 8;
    *message += 8 + field->length;
    *length -= 8 + field->length;
    return true;
}

uint32_t field_u32(const struct field *field)
{
    if (field->length != 4) fault("mux: field %u is no number", field->tag);
    return get_u32(field->value);
}

char *field_text(const struct field *field, size_t limit)
{
    if (field->length > limit || memchr(field->value, 0, field->length)) fault("mux: field %u is no text", field->tag);
    char *text = malloc(field->length + 1);
    if (!text) fault("out of memory");
    memcpy(text, field->value, field->length);
    text[field->length] = '\0';
    return text;
}

char *field_path(const struct field *field)
{
    char *path = field_text(field, PATH_MAX - 1);
    size_t length = strlen(path);
    if (path[0] != '/' || (length > 1 && path[length - 1] == '/')) fault("mux: field %u is no absolute path", field->tag);
    for (const char *part = path; part; part = strchr(part + 1, '/')) {
        size_t size = strcspn(part + 1, "/");
        bool dots = (size == 1 && part[1] == '.') || (size == 2 && part[1] == '.' && part[2] == '.');
        if (dots || (size == 0 && length > 1)) fault("mux: field %u is no plain path", field->tag);
    }
    return path;
}

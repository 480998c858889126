/* Reads EXEC messages. Invariant: a message that is not exactly as it should be is a fault. */
#define _GNU_SOURCE
#include "order.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "protocol.h"

struct list {
    char **entries;
    size_t count, capacity;
};

static void append(struct list *list, char *entry)
{
    if (list->count + 2 > list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->entries = realloc(list->entries, list->capacity * sizeof *list->entries);
        if (!list->entries) fault("out of memory");
    }
    list->entries[list->count++] = entry;
    list->entries[list->count] = NULL;
}

void order_parse(struct order *order, const uint8_t *message, size_t length)
{
    struct list arguments = {0}, variables = {0};
    struct field field;
    bool has_user = false;
    *order = (struct order){0};
    append(&variables, NULL);
    variables.count = 0;
    while (field_next(&message, &length, &field)) {
        switch (field.tag) {
        case EXEC_ARGUMENT:
            append(&arguments, field_text(&field, MESSAGE_MAX));
            break;
        case EXEC_VARIABLE:
            append(&variables, field_text(&field, MESSAGE_MAX));
            break;
        case EXEC_DIRECTORY:
            if (order->directory) fault("EXEC: two directories");
            order->directory = field_path(&field);
            break;
        case EXEC_USER:
            if (has_user || field_u32(&field) > USER_ROOT) fault("EXEC: bad user");
            has_user = true;
            order->root = field_u32(&field) == USER_ROOT;
            break;
        case EXEC_TTY:
            if (order->tty || field.length != 4) fault("EXEC: bad terminal size");
            order->tty = true;
            order->rows = get_u16(field.value);
            order->columns = get_u16(field.value + 2);
            break;
        default:
            fault("EXEC: unknown field %u", field.tag);
        }
    }
    if (arguments.count == 0 || !order->directory || !has_user) fault("EXEC: fields are missing");
    order->arguments = arguments.entries;
    order->variables = variables.entries;
}

static void free_list(char **entries)
{
    for (char **entry = entries; *entry; entry++) free(*entry);
    free(entries);
}

void order_free(struct order *order)
{
    free_list(order->arguments);
    free_list(order->variables);
    free((void *)(uintptr_t)order->directory);
}

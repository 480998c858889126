/* Reads START. Invariant: every field exactly once and nothing else, or no session. */
#define _GNU_SOURCE
#include "start.h"

#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "fields.h"

static struct config config;

/* Points into the message, which stays until the next one comes: the files are written before READY is said. */
static void take_file(const struct field *field, struct file *file)
{
    const uint8_t *end = memchr(field->value, 0, field->length);
    if (!end) fault("START: a file without content");
    struct field path = {.tag = START_FILE, .value = field->value, .length = (uint32_t)(end - field->value)};
    file->path = field_path(&path);
    file->length = field->length - path.length - 1;
    file->content = end + 1;
    if (strncmp(file->path, "/etc/", 5) != 0) fault("START: a file outside /etc");
}

static void take_field(const struct field *field)
{
    switch (field->tag) {
    case START_ENTROPY:
        if (field->length != ENTROPY_SIZE) fault("START: entropy is %u bytes", field->length);
        memcpy(config.entropy, field->value, ENTROPY_SIZE);
        break;
    case START_TIME:
    case START_DISK:
        if (field->length != 8) fault("START: field %u is no number", field->tag);
        *(field->tag == START_TIME ? &config.time : &config.disk) = get_u64(field->value);
        break;
    case START_HOSTNAME:
        config.hostname = field_text(field, 64);
        break;
    case START_USER:
        config.user = field_text(field, 64);
        break;
    case START_UID:
        config.uid = field_u32(field);
        break;
    case START_GID:
        config.gid = field_u32(field);
        break;
    case START_HOME:
        config.home = field_path(field);
        break;
    case START_ROOT:
        config.root_allowed = field_u32(field) == 1;
        break;
    case START_PROCESSES:
        config.processes = field_u32(field);
        break;
    case START_DATAGRAMS:
        if (field->length % 2 || field->length / 2 > DATAGRAM_PORTS_MAX) fault("START: bad list of ports");
        config.datagram_ports = field->value;
        config.datagram_port_count = field->length / 2;
        break;
    case START_FILE:
        if (config.file_count == FILES_MAX) fault("START: too many files");
        take_file(field, &config.files[config.file_count++]);
        break;
    case START_SHARE:
        if (config.share_count == SHARES_MAX) fault("START: too many shares");
        config.shares[config.share_count++] = field_path(field);
        break;
    default:
        fault("START: unknown field %u", field->tag);
    }
}

/* Names end up as lines of /etc files. */
static bool is_name(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(text);
}

const struct config *start_receive(void)
{
    const uint8_t *message;
    size_t length;
    struct frame frame;
    do {
        frame = mux_receive();
        if (frame.type != TYPE_START || frame.stream != 0) fault("expected START, got frame %u", frame.type);
    } while (!message_collect(&frame, &message, &length));

    struct field field;
    uint32_t seen = 0;
    const uint32_t all = ((1u << START_FILE) - 1) & ~1u & ~(1u << START_SHARE);
    while (field_next(&message, &length, &field)) {
        if (field.tag > START_DATAGRAMS) fault("START: unknown field %u", field.tag);
        if (field.tag != START_SHARE && field.tag != START_FILE && (seen & 1u << field.tag)) fault("START: field %u twice", field.tag);
        seen |= 1u << field.tag;
        take_field(&field);
    }
    if ((seen & all) != all) fault("START: fields are missing (%x of %x)", seen & all, all);
    if (!is_name(config.hostname) || !is_name(config.user)) fault("START: bad host or user name");
    if (config.uid == 0 || config.gid == 0) fault("START: the agent may not be root");
    if (config.processes < 2) fault("START: the process limit is too small");
    return &config;
}

void start_renew(const struct config *from)
{
    struct {
        struct rand_pool_info head;
        uint8_t bytes[ENTROPY_SIZE];
    } pool = {.head = {.entropy_count = ENTROPY_SIZE * 8, .buf_size = ENTROPY_SIZE}};
    memcpy(pool.head.buf, from->entropy, ENTROPY_SIZE);
    int random = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (random < 0 || ioctl(random, RNDADDENTROPY, &pool) < 0 || ioctl(random, RNDRESEEDCRNG) < 0) fault("random pool: %m");
    close(random);
    explicit_bzero(&pool, sizeof pool);
    explicit_bzero(config.entropy, ENTROPY_SIZE);
    struct timespec now = {.tv_sec = (time_t)(from->time / 1000000000u), .tv_nsec = (long)(from->time % 1000000000u)};
    if (clock_settime(CLOCK_REALTIME, &now) < 0) fault("clock: %m");
}

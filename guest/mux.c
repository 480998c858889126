/*
 * The mux port. Invariants: output memory is one fixed buffer, whatever the host does; a frame from the host that does not
 * parse is a fault.
 */
#define _GNU_SOURCE
#include "mux.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "loop.h"
#include "protocol.h"

#define OUT_SIZE (512 * 1024)
#define IN_SIZE (4 * (FRAME_HEADER + FRAME_MAX))
#define GONE_LIMIT_MS 5000

static struct source port = {.fd = -1};
static uint8_t out[OUT_SIZE];
static size_t out_length;
static uint8_t in[IN_SIZE];
static size_t in_start, in_length;
static void (*on_frame)(const struct frame *frame);
static bool listening;
/* Held while bytes go to the port, so that a fault in another thread does not land inside a frame. */
static pthread_mutex_t port_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool closed;

uint16_t get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)get_u16(bytes) | (uint32_t)get_u16(bytes + 2) << 16;
}

uint64_t get_u64(const uint8_t *bytes)
{
    return (uint64_t)get_u32(bytes) | (uint64_t)get_u32(bytes + 4) << 32;
}

void put_u16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

void put_u32(uint8_t *bytes, uint32_t value)
{
    put_u16(bytes, (uint16_t)value);
    put_u16(bytes + 2, (uint16_t)(value >> 16));
}

/* Without the port nobody can be told but the console. */
_Noreturn static void lost(const char *what)
{
    dprintf(STDERR_FILENO, "agent-sandbox init: mux port lost: %s: %m\n", what);
    halt();
}

/* Waits for the port. While no host is connected it hangs up at once: sleep, and give up when nobody comes back. */
static void wait_port(short events)
{
    static int gone_ms;
    struct pollfd waited = {.fd = port.fd, .events = events};
    if (poll(&waited, 1, -1) < 0 && errno != EINTR) lost("poll");
    if (!(waited.revents & POLLHUP)) {
        gone_ms = 0;
        return;
    }
    usleep(2000);
    gone_ms += 2;
    if (listening && gone_ms > GONE_LIMIT_MS) lost("host");
}

static void write_port(const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(port.fd, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written == 0 || errno == EAGAIN || errno == EINTR) {
            wait_port(POLLOUT);
        } else {
            lost("write");
        }
    }
}

void mux_flush(void)
{
    if (out_length == 0) return;
    pthread_mutex_lock(&port_lock);
    if (!closed) write_port(out, out_length);
    out_length = 0;
    pthread_mutex_unlock(&port_lock);
}

static void put_header(uint8_t *bytes, uint32_t stream, uint8_t type, size_t length)
{
    put_u32(bytes, (uint32_t)length);
    put_u32(bytes + 4, stream);
    bytes[8] = type;
    bytes[9] = 0;
    put_u16(bytes + 10, 0);
}

void mux_send(uint32_t stream, uint8_t type, const void *payload, size_t length)
{
    if (out_length + FRAME_HEADER + length > OUT_SIZE) mux_flush();
    put_header(out + out_length, stream, type, length);
    if (length > 0) memcpy(out + out_length + FRAME_HEADER, payload, length);
    out_length += FRAME_HEADER + length;
}

void mux_send_number(uint32_t stream, uint8_t type, uint32_t number)
{
    uint8_t bytes[4];
    put_u32(bytes, number);
    mux_send(stream, type, bytes, sizeof bytes);
}

uint8_t *mux_reserve(size_t *size)
{
    if (*size > FRAME_MAX) *size = FRAME_MAX;
    if (out_length + FRAME_HEADER + *size > OUT_SIZE) mux_flush();
    return out + out_length + FRAME_HEADER;
}

void mux_commit(uint32_t stream, size_t length)
{
    if (length == 0) return;
    put_header(out + out_length, stream, TYPE_DATA, length);
    out_length += FRAME_HEADER + length;
}

void mux_last_words(uint8_t type, const void *text, size_t length)
{
    if (port.fd < 0 || closed) return;
    /* A crash inside a write may hold the lock for ever: wait for it only a moment. */
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 1;
    if (pthread_mutex_timedlock(&port_lock, &limit) != 0) return;
    uint8_t frame[FRAME_HEADER + FAULT_MAX];
    if (length > FAULT_MAX) length = FAULT_MAX;
    put_header(frame, 0, type, length);
    memcpy(frame + FRAME_HEADER, text, length);
    closed = true;
    write_port(frame, FRAME_HEADER + length);
    pthread_mutex_unlock(&port_lock);
}

/* One frame out of the input buffer; false when it is not complete. */
static bool take_frame(struct frame *frame)
{
    if (in_length < FRAME_HEADER) return false;
    const uint8_t *bytes = in + in_start;
    uint32_t length = get_u32(bytes);
    if (length > FRAME_MAX || get_u16(bytes + 10) != 0 || (bytes[9] & ~FLAG_MORE) != 0) fault("mux: bad frame header");
    if (in_length < FRAME_HEADER + length) return false;
    frame->length = length;
    frame->stream = get_u32(bytes + 4);
    frame->type = bytes[8];
    frame->flags = bytes[9];
    frame->payload = bytes + FRAME_HEADER;
    in_start += FRAME_HEADER + length;
    in_length -= FRAME_HEADER + length;
    return true;
}

/* Reads what is there into the buffer; false when nothing was. The driver hands out one page at a time. */
static bool fill(void)
{
    if (in_start > 0 && IN_SIZE - in_start - in_length < FRAME_HEADER + FRAME_MAX) {
        memmove(in, in + in_start, in_length);
        in_start = 0;
    }
    bool any = false;
    while (in_start + in_length < IN_SIZE) {
        ssize_t count = read(port.fd, in + in_start + in_length, IN_SIZE - in_start - in_length);
        if (count <= 0) {
            if (count < 0 && errno != EAGAIN && errno != EINTR) fault("mux read: %m");
            break;
        }
        in_length += (size_t)count;
        any = true;
    }
    return any;
}

struct frame mux_receive(void)
{
    struct frame frame;
    while (!take_frame(&frame)) {
        if (!fill()) wait_port(POLLIN);
    }
    return frame;
}

static void ready(struct source *source, uint32_t events)
{
    (void)source;
    if (!fill() && (events & EPOLLHUP)) wait_port(POLLIN);
    struct frame frame;
    while (take_frame(&frame)) on_frame(&frame);
}

void mux_open(int fd)
{
    port.fd = fd;
    port.ready = ready;
}

void mux_listen(void (*handle)(const struct frame *frame))
{
    on_frame = handle;
    listening = true;
    /* Frames may have come with START already. */
    struct frame frame;
    while (take_frame(&frame)) on_frame(&frame);
    loop_watch(&port, EPOLLIN);
}

/*
 * Streams. Invariants: a stream holds at most its window of bytes for its descriptor, all streams together at most
 * BUFFER_BUDGET (the one that would exceed it is reset); nothing is read from a descriptor without credit.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "protocol.h"

#define BUCKETS 1024
#define BUFFER_BUDGET (64u * 1024 * 1024)
#define GRANT_STEP (STREAM_WINDOW / 4)

unsigned stream_count;
static struct stream *buckets[BUCKETS];
static uint32_t last_own = 0, last_host = 0;
static size_t buffered;

static struct stream **slot(uint32_t id)
{
    return &buckets[(id >> 1) % BUCKETS];
}

static struct stream *find(uint32_t id)
{
    struct stream *stream = *slot(id);
    while (stream && stream->id != id) stream = stream->next;
    return stream;
}

uint32_t stream_next_id(void)
{
    if (last_own >= 0xfffffff0u) fault("stream ids are used up");
    last_own = last_own == 0 ? 1 : last_own + 2;
    return last_own;
}

bool stream_host_may_open(uint32_t id)
{
    return id % 2 == 0 && id > last_host && id < 0xfffffff0u;
}

void stream_host_opened(uint32_t id)
{
    last_host = id;
}

static bool is_socket(const struct stream *stream)
{
    return stream->kind == STREAM_SOCKET || stream->kind == STREAM_DATAGRAMS;
}

static bool is_tty(const struct stream *stream)
{
    return stream->kind == STREAM_TTY_STDIN || stream->kind == STREAM_TTY_STDOUT;
}

static void update_interest(struct stream *stream)
{
    uint32_t events = 0;
    if (stream->sending && stream->credit > 0) events |= EPOLLIN;
    /* Half a datagram waits for its rest, not for the descriptor. */
    if (stream->length > 0 && stream->kind != STREAM_DATAGRAMS) events |= EPOLLOUT;
    loop_watch(&stream->source, events);
}

static void forget(struct stream *stream)
{
    struct stream **link = slot(stream->id);
    while (*link != stream) link = &(*link)->next;
    *link = stream->next;
    stream_count--;
    buffered -= stream->capacity;
    free(stream->buffer);
    loop_close(&stream->source);
    if (stream->finished) stream->finished(stream);
    loop_free(stream);
}

void stream_reset(struct stream *stream, bool tell)
{
    if (tell) mux_send(stream->id, TYPE_RESET, NULL, 0);
    if (is_socket(stream)) {
        /* Closing with linger 0 sends a reset to the peer instead of a clean end. */
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(stream->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    forget(stream);
}

/* Ends the stream when neither direction is open any more; true when it did. */
static bool close_if_done(struct stream *stream)
{
    if (stream->sending || stream->receiving) return false;
    forget(stream);
    return true;
}

/* What a process writes after its end was reported: read and dropped, so that a background process does not block. */
static void discard(struct source *source, uint32_t events)
{
    static uint8_t dropped[65536];
    (void)events;
    ssize_t count = read(source->fd, dropped, sizeof dropped);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
    loop_close(source);
    loop_free(source);
}

static void discard_rest(struct stream *stream)
{
    struct source *rest = calloc(1, sizeof *rest);
    int fd = dup(stream->source.fd);
    if (!rest || fd < 0) fault("cannot keep the output of a background process: %m");
    rest->fd = fd;
    rest->ready = discard;
    loop_watch(rest, EPOLLIN);
}

static void end_sending(struct stream *stream)
{
    mux_send(stream->id, TYPE_END, NULL, 0);
    stream->sending = false;
    if (!close_if_done(stream)) update_interest(stream);
}

void stream_send_datagram(struct stream *stream, uint8_t *framed, size_t length)
{
    if (stream->credit < 2 + length) return;
    put_u16(framed, (uint16_t)length);
    mux_send(stream->id, TYPE_DATA, framed, 2 + length);
    stream->credit -= (uint32_t)(2 + length);
}

static bool send_one_datagram(struct stream *stream)
{
    static uint8_t framed[2 + UINT16_MAX];
    ssize_t length = recv(stream->source.fd, framed + 2, UINT16_MAX, 0);
    if (length >= 0) stream_send_datagram(stream, framed, (size_t)length);
    else if (errno != EAGAIN && errno != EINTR) stream_reset(stream, true); /* who sent is gone */
    return length >= 0;
}

/* Reads once; false when the descriptor had nothing, the stream ended, or there is no credit. */
static bool send_some(struct stream *stream)
{
    if (!stream->sending || stream->credit == 0) return false;
    if (stream->kind == STREAM_DATAGRAMS) return send_one_datagram(stream);
    size_t size = stream->credit;
    uint8_t *room = mux_reserve(&size);
    ssize_t count = read(stream->source.fd, room, size);
    if (count > 0) {
        mux_commit(stream->id, (size_t)count);
        stream->credit -= (uint32_t)count;
        return true;
    }
    if (count < 0 && errno == EINTR) return true;
    if (count < 0 && errno == EAGAIN) {
        if (stream->draining) {
            if (!is_tty(stream)) discard_rest(stream);
            end_sending(stream);
        }
        return false;
    }
    /* A terminal whose last user is gone reads EIO: its end. */
    if (count == 0 || (is_tty(stream) && errno == EIO)) end_sending(stream);
    else stream_reset(stream, true);
    return false;
}

void stream_drain(struct stream *stream)
{
    stream->draining = true;
    while (send_some(stream)) continue;
}

static void finish_receiving(struct stream *stream)
{
    stream->receiving = false;
    if (is_socket(stream)) {
        shutdown(stream->source.fd, SHUT_WR);
    } else if (stream->kind == STREAM_TTY_STDIN) {
        static const char end_of_file = 4;
        if (write(stream->source.fd, &end_of_file, 1) < 0 && errno == EBADF) fault("tty is gone");
    }
    if (!close_if_done(stream)) update_interest(stream);
}

/* Writes what it can; returns the number of bytes taken, or -1 when the descriptor is broken. */
static ssize_t write_out(struct stream *stream, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = write(stream->source.fd, bytes + done, length - done);
        if (count > 0) done += (size_t)count;
        else if (count < 0 && errno == EINTR) continue;
        else if (count < 0 && errno != EAGAIN) return -1;
        else break;
    }
    stream->consumed += (uint32_t)done;
    return (ssize_t)done;
}

static void grant(struct stream *stream)
{
    if (!stream->receiving || stream->ending || stream->consumed < GRANT_STEP) return;
    mux_send_number(stream->id, TYPE_CREDIT, stream->consumed);
    stream->window += stream->consumed;
    stream->consumed = 0;
}

/* Room for `length` more bytes behind those that wait; false when that would exceed the budget. */
static bool make_room(struct stream *stream, size_t length)
{
    size_t needed = stream->length + length;
    if (stream->start + needed <= stream->capacity) return true;
    if (needed > stream->capacity / 2) {
        /* Twice what is needed, so that moving bytes to the front stays rare. */
        size_t capacity = stream->capacity ? stream->capacity : 16384;
        while (capacity < 2 * needed) capacity *= 2;
        size_t growth = capacity - stream->capacity;
        if (is_socket(stream) && buffered + growth > BUFFER_BUDGET) return false;
        uint8_t *grown = realloc(stream->buffer, capacity);
        if (!grown) return false;
        buffered += growth;
        stream->buffer = grown;
        stream->capacity = (uint32_t)capacity;
    }
    if (stream->start + needed > stream->capacity) {
        memmove(stream->buffer, stream->buffer + stream->start, stream->length);
        stream->start = 0;
    }
    return true;
}

/* Keeps bytes for later; false when that would exceed the budget. */
static bool keep(struct stream *stream, const uint8_t *bytes, size_t length)
{
    if (!make_room(stream, length)) return false;
    memcpy(stream->buffer + stream->start + stream->length, bytes, length);
    stream->length += (uint32_t)length;
    return true;
}

/* Hands on the datagrams that are whole; one that the descriptor does not take is lost. */
static void deliver_datagrams(struct stream *stream)
{
    while (stream->length >= 2) {
        const uint8_t *framed = stream->buffer + stream->start;
        uint32_t whole = 2u + get_u16(framed);
        if (stream->length < whole) break;
        if (send(stream->source.fd, framed + 2, whole - 2, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EBADF) fault("flow is gone");
        stream->start += whole;
        stream->length -= whole;
        stream->consumed += whole;
    }
}

static void receive_data(struct stream *stream, const struct frame *frame)
{
    if (!stream->receiving || stream->ending) fault("mux: data after the end of stream %u", stream->id);
    if (frame->length == 0 || frame->length > stream->window) fault("mux: stream %u exceeds its window", stream->id);
    stream->window -= frame->length;
    if (stream->kind == STREAM_DATAGRAMS) {
        if (!keep(stream, frame->payload, frame->length)) {
            stream_reset(stream, true);
            return;
        }
        deliver_datagrams(stream);
        grant(stream);
        return;
    }
    ssize_t done = 0;
    if (stream->length == 0) done = write_out(stream, frame->payload, frame->length);
    if (done < 0 || ((size_t)done < frame->length && !keep(stream, frame->payload + done, frame->length - (size_t)done))) {
        stream_reset(stream, true);
        return;
    }
    grant(stream);
    update_interest(stream);
}

static void flush_buffer(struct stream *stream)
{
    ssize_t done = write_out(stream, stream->buffer + stream->start, stream->length);
    if (done < 0) {
        stream_reset(stream, true);
        return;
    }
    stream->start += (uint32_t)done;
    stream->length -= (uint32_t)done;
    if (stream->length > 0) {
        grant(stream);
        return;
    }
    buffered -= stream->capacity;
    free(stream->buffer);
    stream->buffer = NULL;
    stream->start = stream->capacity = 0;
    if (stream->ending) finish_receiving(stream);
    else {
        grant(stream);
        update_interest(stream);
    }
}

static void ready(struct source *source, uint32_t events)
{
    struct stream *stream = (struct stream *)source;
    if (stream->length > 0 && stream->kind != STREAM_DATAGRAMS && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) flush_buffer(stream);
    if (source->fd >= 0 && stream->sending && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) {
        send_some(stream);
        if (source->fd >= 0) update_interest(stream);
    }
}

struct stream *stream_open(uint32_t id, enum stream_kind kind, int fd, void (*finished)(struct stream *), void *owner)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) fault("out of memory");
    stream->source.fd = fd;
    stream->source.ready = ready;
    stream->kind = kind;
    stream->id = id;
    stream->sending = is_socket(stream) || kind == STREAM_STDOUT || kind == STREAM_TTY_STDOUT;
    stream->receiving = is_socket(stream) || kind == STREAM_STDIN || kind == STREAM_TTY_STDIN;
    stream->credit = stream->window = STREAM_WINDOW;
    stream->finished = finished;
    stream->owner = owner;
    stream->next = *slot(id);
    *slot(id) = stream;
    stream_count++;
    update_interest(stream);
    return stream;
}

static void receive_credit(struct stream *stream, const struct frame *frame)
{
    if (frame->length != 4) fault("mux: bad credit");
    uint32_t bytes = get_u32(frame->payload);
    if (bytes > STREAM_WINDOW - stream->credit) fault("mux: stream %u gets too much credit", stream->id);
    stream->credit += bytes;
    if (stream->draining) stream_drain(stream);
    else update_interest(stream);
}

void stream_frame(const struct frame *frame)
{
    struct stream *stream = find(frame->stream);
    if (!stream) {
        if (frame->stream > (frame->stream % 2 ? last_own : last_host)) fault("mux: frame %u on a stream never opened", frame->type);
        return;
    }
    switch (frame->type) {
    case TYPE_DATA:
        receive_data(stream, frame);
        break;
    case TYPE_CREDIT:
        receive_credit(stream, frame);
        break;
    case TYPE_RESET:
        stream_reset(stream, false);
        break;
    case TYPE_END:
        if (!stream->receiving || stream->ending) fault("mux: stream %u ends twice", stream->id);
        stream->ending = true;
        if (stream->length == 0) finish_receiving(stream);
        break;
    default:
        fault("mux: unexpected frame %u on stream %u", frame->type, frame->stream);
    }
}

/*
 * A stream: bytes between one descriptor of the guest and the host, under credit in both directions.
 * TCP connections, session sockets and flows of datagrams use both directions, pipes of a process one.
 */
#ifndef STREAM_H
#define STREAM_H

#include "loop.h"
#include "mux.h"

enum stream_kind { STREAM_SOCKET, STREAM_DATAGRAMS, STREAM_STDIN, STREAM_STDOUT, STREAM_TTY_STDIN, STREAM_TTY_STDOUT };

struct stream {
    struct source source;
    enum stream_kind kind;
    uint32_t id;
    bool sending;      /* guest to host is open */
    bool receiving;    /* host to guest is open */
    bool ending;       /* END came; the descriptor is shut once the buffer is empty */
    bool draining;     /* the process is gone: what is in the pipe now is the last that counts */
    uint32_t credit;   /* bytes we may send */
    uint32_t window;   /* bytes the host may send */
    uint32_t consumed; /* bytes written out and not yet given back as credit */
    uint8_t *buffer;   /* bytes the descriptor did not take yet */
    uint32_t start, length, capacity;
    void (*finished)(struct stream *stream); /* called once, before the memory goes */
    void *owner;
    struct stream *next;
};

/* Streams alive now. */
extern unsigned stream_count;
/* The next id for a stream that the guest opens. */
uint32_t stream_next_id(void);
/* Starts to carry bytes between `fd` (non-blocking, now owned by the stream) and the host. */
struct stream *stream_open(uint32_t id, enum stream_kind kind, int fd, void (*finished)(struct stream *), void *owner);
/* A DATA, END, RESET or CREDIT frame; frames of closed streams are dropped. */
void stream_frame(const struct frame *frame);
/* Ends the stream in both directions. `tell`: with a RESET to the host. */
void stream_reset(struct stream *stream, bool tell);
/* Sends one datagram: `framed` has two bytes for its length, then the datagram. Without credit it is lost. */
void stream_send_datagram(struct stream *stream, uint8_t *framed, size_t length);
/* Sends what the descriptor holds now, then END; later bytes are read and dropped. */
void stream_drain(struct stream *stream);
/* Remembers the highest id the host used, to tell a stale frame from a wrong one. */
void stream_host_opened(uint32_t id);
bool stream_host_may_open(uint32_t id);

#endif

/* The mux port: frames out, frames in. Only the loop's thread sends and receives. */
#ifndef MUX_H
#define MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t stream;
    uint8_t type;
    uint8_t flags;
    const uint8_t *payload;
    uint32_t length;
};

/* Takes over the open port. */
void mux_open(int port);
/* Puts a frame into the output buffer; blocks on the port when that is full. */
void mux_send(uint32_t stream, uint8_t type, const void *payload, size_t length);
void mux_send_number(uint32_t stream, uint8_t type, uint32_t number);
/* Room for a DATA frame: returns where up to `*size` bytes of payload go; mux_commit sends that many, 0 none. */
uint8_t *mux_reserve(size_t *size);
void mux_commit(uint32_t stream, size_t length);
/* Writes out what is buffered. */
void mux_flush(void);
/* Blocks until one frame is there; used before the loop runs. */
struct frame mux_receive(void);
/* Hands every frame that comes to `handle` from the loop. */
void mux_listen(void (*handle)(const struct frame *frame));
/* A last frame on stream 0, from any thread or a signal handler; nothing may be sent after it. */
void mux_last_words(uint8_t type, const void *text, size_t length);

/* Little-endian numbers at any address. */
uint16_t get_u16(const uint8_t *bytes);
uint32_t get_u32(const uint8_t *bytes);
uint64_t get_u64(const uint8_t *bytes);
void put_u16(uint8_t *bytes, uint16_t value);
void put_u32(uint8_t *bytes, uint32_t value);

#endif

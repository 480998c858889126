/* START: what the host says about this session. */
#ifndef START_H
#define START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

/* A file in the overlay's upper layer. */
struct file {
    const char *path;
    const uint8_t *content;
    size_t length;
};

struct config {
    uint8_t entropy[ENTROPY_SIZE];
    uint64_t time;
    const char *hostname;
    const char *user;
    uid_t uid;
    gid_t gid;
    const char *home;
    bool root_allowed;
    uint32_t processes;
    uint64_t disk;
    const uint8_t *datagram_ports; /* u16 each, little-endian */
    unsigned datagram_port_count;
    struct file files[FILES_MAX];
    unsigned file_count;
    const char *shares[SHARES_MAX];
    unsigned share_count;
};

/* Blocks until START is there and parsed. */
const struct config *start_receive(void);
/* Fresh random pool and the right time: the snapshot has the same ones for every session. Comes before anything else. */
void start_renew(const struct config *config);

#endif

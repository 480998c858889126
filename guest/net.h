/* The guest's network without a network device: every address is local, every connection ends in init. */
#ifndef NET_H
#define NET_H

#include <stdint.h>

/* The guest's own address beside loopback; documentation range, so that it collides with nothing real. */
#define OWN_ADDRESS 0xc0000201u /* 192.0.2.1 */
#define LISTEN_PORT 1

/* Loopback up, local routes for all of IPv4 and IPv6, no echo replies. */
void net_configure(void);
/* The sockets in which everything ends that goes to another address. */
struct net_sockets {
    int tcp4, tcp6, udp4, udp6;
};

/* Listening sockets on loopback, non-blocking. */
struct net_sockets net_listen(void);
/* Steers what goes to any address but loopback and the guest's own into these: connections, and datagrams to open ports. */
void net_steer(const struct net_sockets *sockets);
/* From now on datagrams to this port are steered. */
void net_open_port(uint16_t port);

#endif

/* The guest's network without a network device: every address is local, every connection ends in init. */
#ifndef NET_H
#define NET_H

/* The guest's own address beside loopback; documentation range, so that it collides with nothing real. */
#define OWN_ADDRESS 0xc0000201u /* 192.0.2.1 */
#define LISTEN_PORT 1

/* Loopback up, local routes for all of IPv4 and IPv6, no echo replies. */
void net_configure(void);
/* Steers TCP connections to any address but loopback and the guest's own into these two listening sockets. */
void net_steer(int listener4, int listener6);
/* A listening TCP socket on loopback, non-blocking. */
int net_listener(int family, unsigned short port);

#endif

/* Datagrams that processes of the guest send to other addresses, on ports that some rule opens for them. */
#ifndef UDP_H
#define UDP_H

#include "start.h"

/* Takes what is steered into these two sockets: each pair of ends becomes a flow with a stream of its own. */
void udp_accept(int socket4, int socket6);
void udp_open_ports(const struct config *config);

#endif

/* Connections that processes of the guest make: to any address, and to the session socket. */
#ifndef TCP_H
#define TCP_H

/* Accepts on the two listening sockets that all connections are steered into. */
void tcp_accept(int listener4, int listener6);
/* Listens on the session socket; connections become streams of their own. */
void session_listen(const char *path);

#endif

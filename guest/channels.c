/* Pipes and terminals of processes. Invariant: a process of the agent owns its terminal, and no other does. */
#define _GNU_SOURCE
#include "channels.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIPE_SIZE (256 * 1024)

void channels_close(struct channels *channels, int side)
{
    for (int i = 0; i < 3; i++) {
        if (channels->ends[i][side] >= 0) close(channels->ends[i][side]);
    }
    if (channels->status[side] >= 0) close(channels->status[side]);
}

static bool open_terminal(struct channels *channels, const struct order *order, uid_t owner)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    int unlock = 0;
    struct winsize size = {.ws_row = order->rows, .ws_col = order->columns};
    if (master < 0) return false;
    channels->ends[0][0] = master;
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0) return false;
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return false;
    channels->ends[0][1] = slave;
    channels->ends[1][0] = fcntl(master, F_DUPFD_CLOEXEC, 0);
    /* The agent owns its terminal as if it had logged in. */
    if (!order->root && fchown(slave, owner, 5) < 0) return false;
    return channels->ends[1][0] >= 0;
}

bool channels_open(struct channels *channels, const struct order *order, uid_t owner)
{
    memset(channels, 0xff, sizeof *channels);
    if (pipe2(channels->status, O_CLOEXEC) < 0) return false;
    fcntl(channels->status[0], F_SETFL, O_NONBLOCK);
    if (order->tty) return open_terminal(channels, order, owner);
    for (int i = 0; i < 3; i++) {
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) < 0) return false;
        channels->ends[i][0] = pair[i == 0];
        channels->ends[i][1] = pair[i != 0];
        fcntl(channels->ends[i][0], F_SETFL, O_NONBLOCK);
        /* More bytes for each turn of the loop; the default does as well. */
        fcntl(channels->ends[i][0], F_SETPIPE_SZ, PIPE_SIZE);
    }
    return true;
}

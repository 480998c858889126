/* PID 1 of the guest: prepares, waits for a session, serves it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot.h"
#include "dns.h"
#include "exec.h"
#include "fault.h"
#include "limits.h"
#include "loop.h"
#include "mux.h"
#include "net.h"
#include "protocol.h"
#include "root.h"
#include "spare.h"
#include "stage.h"
#include "start.h"
#include "stream.h"
#include "tcp.h"
#include "udp.h"
#include "window.h"

static struct source synced = {.fd = -1};
static uint32_t sync_id;
static bool syncing;

static void say(uint8_t type)
{
    uint8_t payload[12];
    put_u32(payload, PROTOCOL_MAGIC);
    put_u32(payload + 4, PROTOCOL_VERSION);
    put_u32(payload + 8, STREAM_WINDOW);
    mux_send(0, type, payload, sizeof payload);
    mux_flush();
}

/* Writes back what the shares still hold. It may take long: the loop goes on meanwhile. */
static void *sync_shares(void *unused)
{
    (void)unused;
    uint64_t result = 1;
    if (syncfs(root_files) < 0) result = 1 + (uint64_t)errno;
    if (write(synced.fd, &result, sizeof result) < 0) fault("eventfd: %m");
    return NULL;
}

static void sync_done(struct source *source, uint32_t events)
{
    (void)events;
    uint64_t result;
    if (read(source->fd, &result, sizeof result) != sizeof result) return;
    uint8_t payload[8];
    put_u32(payload, sync_id);
    put_u32(payload + 4, (uint32_t)(result - 1));
    mux_send(0, TYPE_SYNCED, payload, sizeof payload);
    syncing = false;
}

static void start_sync(const struct frame *frame)
{
    if (frame->length != 4) fault("mux: bad SYNC");
    if (syncing) fault("mux: SYNC before the last one was answered");
    sync_id = get_u32(frame->payload);
    syncing = true;
    pthread_t thread;
    if (pthread_create(&thread, NULL, sync_shares, NULL) != 0 || pthread_detach(thread) != 0) fault("thread: %m");
}

static void shut_down(void)
{
    exec_kill_all();
    if (syncfs(root_files) < 0) fault("write back: %m");
    mux_flush();
    mux_last_words(TYPE_BYE, "", 0);
    halt();
}

static void handle_control(const struct frame *frame)
{
    if (frame->type == TYPE_SYNC) start_sync(frame);
    else if (frame->type == TYPE_DNS_REPLY) dns_reply(frame);
    else if (frame->type == TYPE_SHUTDOWN) shut_down();
    else fault("mux: unexpected frame %u", frame->type);
}

static void handle(const struct frame *frame)
{
    if (frame->stream == 0) handle_control(frame);
    else if (frame->type == TYPE_EXEC || frame->type == TYPE_SIGNAL || frame->type == TYPE_RESIZE) exec_frame(frame);
    else stream_frame(frame);
}

/* Everything that knows nothing of a session, so that it can be part of the snapshot. */
static void prepare(void)
{
    fault_prepare_signals();
    boot_prepare();
    window_prepare();
    mux_open(boot_port("mux"));
    int fs_port = boot_port("fs");
    loop_open();
    net_configure();
    const struct net_sockets sockets = net_listen();
    net_steer(&sockets);
    tcp_accept(sockets.tcp4, sockets.tcp6);
    udp_accept(sockets.udp4, sockets.udp6);
    dns_open();
    limits_prepare();
    exec_prepare();
    root_prepare(fs_port);
    session_listen("/run" SESSION_SOCKET_FOLDER SESSION_SOCKET);
    synced.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    synced.ready = sync_done;
    if (synced.fd < 0) fault("eventfd: %m");
    loop_watch(&synced, EPOLLIN);
    boot_harden();
    spare_prepare();
}

int main(void)
{
    prepare();
    say(TYPE_HELLO);
    /* The snapshot is taken while init waits here: what follows happens in each session. */
    const struct config *config = start_receive();
    start_renew(config);
    udp_open_ports(config);
    exec_open(config);
    root_enter(config);
    say(TYPE_READY);
    mux_listen(handle);
    for (;;) {
        exec_settle();
        mux_flush();
        loop_turn();
    }
}

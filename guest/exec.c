/*
 * Processes that the host starts, from EXEC to EXIT. Invariants: EXIT comes after the last byte the process wrote; whatever
 * becomes an orphan is reaped; a wrong order fails by EXIT, not by a fault.
 */
#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channels.h"
#include "child.h"
#include "fault.h"
#include "limits.h"
#include "loop.h"
#include "order.h"
#include "spare.h"
#include "stream.h"

struct exec {
    struct source status; /* the status pipe; closed once the program runs */
    uint32_t id;
    pid_t pid;
    int terminal; /* the pty's master, for RESIZE; -1 for pipes */
    bool reaped;
    int end; /* from waitpid */
    struct failure failure;
    struct stream *streams[3]; /* stdin, stdout, stderr while they live */
    struct exec *next;
};

static const struct config *session;
static struct exec *execs;
static struct source children = {.fd = -1};

static void send_exit(uint32_t id, uint32_t kind, uint32_t value, uint32_t stage)
{
    uint8_t payload[12];
    put_u32(payload, kind);
    put_u32(payload + 4, value);
    put_u32(payload + 8, stage);
    mux_send(id, TYPE_EXIT, payload, sizeof payload);
}

/* Ends an exec whose process is reaped and whose output is all sent. */
static void finish(struct exec *exec)
{
    if (!exec->reaped || exec->streams[1] || exec->streams[2]) return;
    if (exec->streams[0]) stream_reset(exec->streams[0], false);
    struct exec **link = &execs;
    while (*link != exec) link = &(*link)->next;
    *link = exec->next;
    if (exec->terminal >= 0) close(exec->terminal);
    if (exec->failure.stage != STAGE_NONE) send_exit(exec->id, EXIT_ERRNO, exec->failure.error, exec->failure.stage);
    else if (WIFSIGNALED(exec->end)) send_exit(exec->id, EXIT_SIGNAL, (uint32_t)WTERMSIG(exec->end), STAGE_NONE);
    else send_exit(exec->id, EXIT_CODE, (uint32_t)WEXITSTATUS(exec->end), STAGE_NONE);
    loop_close(&exec->status);
    loop_free(exec);
}

static void stream_finished(struct stream *stream)
{
    struct exec *exec = stream->owner;
    for (int i = 0; i < 3; i++) {
        if (exec->streams[i] == stream) exec->streams[i] = NULL;
    }
}

/* The status pipe: closed by a successful exec, or it tells why there was none. */
static void read_status(struct exec *exec)
{
    if (exec->status.fd < 0) return;
    struct failure failure;
    ssize_t count = read(exec->status.fd, &failure, sizeof failure);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count == sizeof failure) exec->failure = failure;
    else mux_send_number(exec->id, TYPE_STARTED, (uint32_t)exec->pid);
    loop_close(&exec->status);
}

static void status_ready(struct source *source, uint32_t events)
{
    (void)events;
    read_status((struct exec *)source);
}

static void reap(pid_t pid, int end)
{
    for (struct exec *exec = execs; exec; exec = exec->next) {
        if (exec->pid != pid || exec->reaped) continue;
        read_status(exec);
        exec->reaped = true;
        exec->end = end;
        for (int i = 1; i < 3; i++) {
            if (exec->streams[i]) stream_drain(exec->streams[i]);
        }
        return;
    }
}

/* Streams end while frames are handled or children reaped; execs end here, when nobody holds a pointer to one. */
void exec_settle(void)
{
    for (struct exec *exec = execs, *next; exec; exec = next) {
        next = exec->next;
        finish(exec);
    }
}

static void child_ended(struct source *source, uint32_t events)
{
    (void)events;
    struct signalfd_siginfo info[16];
    if (read(source->fd, info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR) fault("signalfd: %m");
    int end;
    pid_t pid;
    while ((pid = waitpid(-1, &end, WNOHANG)) > 0) reap(pid, end);
}

static void add_exec(uint32_t id, pid_t pid, const struct channels *channels, bool tty)
{
    struct exec *exec = calloc(1, sizeof *exec);
    if (!exec) fault("out of memory");
    exec->id = id;
    exec->pid = pid;
    exec->terminal = tty ? fcntl(channels->ends[0][0], F_DUPFD_CLOEXEC, 0) : -1;
    exec->status = (struct source){.fd = channels->status[0], .ready = status_ready};
    exec->next = execs;
    execs = exec;
    loop_watch(&exec->status, EPOLLIN);
    exec->streams[0] = stream_open(id, tty ? STREAM_TTY_STDIN : STREAM_STDIN, channels->ends[0][0], stream_finished, exec);
    exec->streams[1] = stream_open(id + 2, tty ? STREAM_TTY_STDOUT : STREAM_STDOUT, channels->ends[1][0], stream_finished, exec);
    if (!tty) exec->streams[2] = stream_open(id + 4, STREAM_STDOUT, channels->ends[2][0], stream_finished, exec);
}

/* False with errno. */
static bool fork_for(const struct order *order, struct channels *channels, pid_t *pid)
{
    bool opened = channels_open(channels, order, session->uid);
    *pid = opened ? limits_fork() : -1;
    if (*pid == 0) {
        child_open(channels, order->tty, -1);
        if (!order->root) child_confine();
        child_run(order, session);
    }
    int error = errno;
    channels_close(channels, 1);
    if (*pid < 0) channels_close(channels, 0);
    errno = error;
    return *pid > 0;
}

static void start(const struct frame *frame, const uint8_t *message, size_t length)
{
    struct order order;
    if (!stream_host_may_open(frame->stream)) fault("mux: EXEC on stream %u", frame->stream);
    stream_host_opened(frame->stream + 4);
    order_parse(&order, message, length);
    struct channels channels;
    pid_t pid = -1;
    errno = 0;
    if (order.root && !session->root_allowed) {
        send_exit(frame->stream, EXIT_ERRNO, EPERM, STAGE_SETUP);
    } else if (spare_take(&order, message, length, session, &channels, &pid) || fork_for(&order, &channels, &pid)) {
        add_exec(frame->stream, pid, &channels, order.tty);
    } else {
        send_exit(frame->stream, EXIT_ERRNO, (uint32_t)errno, STAGE_SETUP);
    }
    order_free(&order);
}

static void control(const struct frame *frame)
{
    struct exec *exec = execs;
    while (exec && exec->id != frame->stream) exec = exec->next;
    if (frame->length != 4) fault("mux: bad frame %u", frame->type);
    if (!exec || exec->reaped) return; /* it ended meanwhile */
    if (frame->type == TYPE_SIGNAL) {
        uint32_t number = get_u32(frame->payload);
        if (number < 1 || number >= NSIG) fault("mux: signal %u", number);
        if (kill(-exec->pid, (int)number) < 0) kill(exec->pid, (int)number);
    } else if (exec->terminal >= 0) {
        struct winsize size = {.ws_row = get_u16(frame->payload), .ws_col = get_u16(frame->payload + 2)};
        ioctl(exec->terminal, TIOCSWINSZ, &size);
    }
}

void exec_frame(const struct frame *frame)
{
    const uint8_t *message;
    size_t length;
    if (frame->type != TYPE_EXEC) control(frame);
    else if (message_collect(frame, &message, &length)) start(frame, message, length);
}

void exec_prepare(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    children.fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (children.fd < 0) fault("signalfd: %m");
    children.ready = child_ended;
    loop_watch(&children, EPOLLIN);
}

void exec_open(const struct config *config)
{
    session = config;
    limits_set(config->processes);
}

void exec_kill_all(void)
{
    kill(-1, SIGKILL);
}

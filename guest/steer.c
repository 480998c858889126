/*
 * The sk_lookup program: chooses the socket for a new TCP connection, or for a datagram that belongs to no connected socket,
 * by its destination alone. Loopback and the guest's own address pass, so that servers inside the guest work; all other
 * connections go to init, or nowhere. Datagrams go to init on the ports that some rule opens for them; on all others the
 * kernel answers that nobody is there, so that clients of QUIC fall back at once.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "net.h"
#include "protocol.h"

#define INSTRUCTION(opcode, destination, source, offset, immediate) \
    {.code = (opcode), .dst_reg = (destination), .src_reg = (source), .off = (offset), .imm = (immediate)}
#define LOAD(to, field) INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_6, offsetof(struct bpf_sk_lookup, field), 0)
#define COPY(to, from) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(to, value) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define CALL(function) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define IF_EQUAL(here, compared, value, target) INSTRUCTION(BPF_JMP32 | BPF_JEQ | BPF_K, compared, 0, (target) - (here) - 1, value)
#define IF_OTHER(here, compared, value, target) INSTRUCTION(BPF_JMP32 | BPF_JNE | BPF_K, compared, 0, (target) - (here) - 1, value)
#define IF_BELOW(here, compared, value, target) INSTRUCTION(BPF_JMP32 | BPF_JLT | BPF_K, compared, 0, (target) - (here) - 1, value)
#define STORE(offset, from) INSTRUCTION(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, from, offset, 0)
#define ADD(to, value) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value)
#define MAP(to, map) INSTRUCTION(BPF_LD | BPF_IMM | BPF_DW, to, BPF_PSEUDO_MAP_FD, 0, map), INSTRUCTION(0, 0, 0, 0, 0)
#define IF_NULL(here, compared, target) INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, compared, 0, (target) - (here) - 1, 0)
#define GOTO(here, target) INSTRUCTION(BPF_JMP | BPF_JA, 0, 0, (target) - (here) - 1, 0)
#define EXIT INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int bpf(int command, union bpf_attr *attribute)
{
    return (int)syscall(SYS_bpf, command, attribute, sizeof *attribute);
}

/* Which ports' datagrams are steered. */
static int ports = -1;

static void put(int map, uint32_t key, const void *value, const char *what)
{
    union bpf_attr update = {.map_fd = (uint32_t)map, .key = (uint64_t)(uintptr_t)&key, .value = (uint64_t)(uintptr_t)value};
    if (bpf(BPF_MAP_UPDATE_ELEM, &update) < 0) fault("%s: %m", what);
}

static int create_map(uint32_t type, uint32_t value_size, uint32_t entries)
{
    union bpf_attr attribute = {.map_type = type, .key_size = 4, .value_size = value_size, .max_entries = entries};
    int map = bpf(BPF_MAP_CREATE, &attribute);
    if (map < 0) fault("bpf map: %m");
    return map;
}

static int create_sockets(const struct net_sockets *sockets)
{
    int map = create_map(BPF_MAP_TYPE_SOCKMAP, 8, 4);
    const int all[] = {sockets->tcp4, sockets->tcp6, sockets->udp4, sockets->udp6};
    for (uint32_t key = 0; key < 4; key++) {
        uint64_t socket = (uint64_t)all[key];
        put(map, key, &socket, "bpf socket");
    }
    return map;
}

/* Register 9 holds the key of the socket: 0 and 1 for TCP, 2 and 3 for UDP. */
static int load_program(int sockets)
{
    enum { FAMILY = 6, V6 = 13, PORT = 22, STEER = 31, PASS = 47, DROP = 49 };
    const struct bpf_insn program[] = {
        [0] = COPY(BPF_REG_6, BPF_REG_1),
        [1] = LOAD(BPF_REG_2, protocol),
        [2] = SET(BPF_REG_9, 0),
        [3] = IF_EQUAL(3, BPF_REG_2, IPPROTO_TCP, FAMILY),
        [4] = IF_OTHER(4, BPF_REG_2, IPPROTO_UDP, PASS),
        [5] = SET(BPF_REG_9, 2),
        [FAMILY] = LOAD(BPF_REG_2, family),
        [7] = IF_EQUAL(7, BPF_REG_2, AF_INET6, V6),
        [8] = LOAD(BPF_REG_2, local_ip4),
        [9] = IF_EQUAL(9, BPF_REG_2, (int32_t)htonl(OWN_ADDRESS), PASS),
        [10] = INSTRUCTION(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int32_t)htonl(0xff000000u)),
        [11] = IF_EQUAL(11, BPF_REG_2, (int32_t)htonl(0x7f000000u), PASS),
        [12] = GOTO(12, PORT),
        [V6] = ADD(BPF_REG_9, 1),
        [14] = LOAD(BPF_REG_2, local_ip6[0]),
        [15] = IF_OTHER(15, BPF_REG_2, 0, PORT),
        [16] = LOAD(BPF_REG_2, local_ip6[1]),
        [17] = IF_OTHER(17, BPF_REG_2, 0, PORT),
        [18] = LOAD(BPF_REG_2, local_ip6[2]),
        [19] = IF_OTHER(19, BPF_REG_2, 0, PORT),
        [20] = LOAD(BPF_REG_2, local_ip6[3]),
        [21] = IF_EQUAL(21, BPF_REG_2, (int32_t)htonl(1), PASS),
        [PORT] = IF_BELOW(22, BPF_REG_9, 2, STEER),
        [23] = LOAD(BPF_REG_2, local_port),
        [24] = STORE(-8, BPF_REG_2),
        [25] = COPY(BPF_REG_2, BPF_REG_10),
        [26] = ADD(BPF_REG_2, -8),
        [27] = MAP(BPF_REG_1, ports),
        [29] = CALL(BPF_FUNC_map_lookup_elem),
        [30] = IF_NULL(30, BPF_REG_0, PASS),
        [STEER] = STORE(-4, BPF_REG_9),
        [32] = COPY(BPF_REG_2, BPF_REG_10),
        [33] = ADD(BPF_REG_2, -4),
        [34] = MAP(BPF_REG_1, sockets),
        [36] = CALL(BPF_FUNC_map_lookup_elem),
        [37] = IF_NULL(37, BPF_REG_0, DROP),
        [38] = COPY(BPF_REG_7, BPF_REG_0),
        [39] = COPY(BPF_REG_1, BPF_REG_6),
        [40] = COPY(BPF_REG_2, BPF_REG_7),
        [41] = SET(BPF_REG_3, 0),
        [42] = CALL(BPF_FUNC_sk_assign),
        [43] = COPY(BPF_REG_8, BPF_REG_0),
        [44] = COPY(BPF_REG_1, BPF_REG_7),
        [45] = CALL(BPF_FUNC_sk_release),
        [46] = IF_OTHER(46, BPF_REG_8, 0, DROP),
        [PASS] = SET(BPF_REG_0, SK_PASS),
        [48] = EXIT,
        [DROP] = SET(BPF_REG_0, SK_DROP),
        [50] = EXIT,
    };
    static char log[16384];
    union bpf_attr attribute = {
        .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
        .expected_attach_type = BPF_SK_LOOKUP,
        .insns = (uint64_t)(uintptr_t)program,
        .insn_cnt = sizeof program / sizeof *program,
        .license = (uint64_t)(uintptr_t) "Apache-2.0",
        .log_buf = (uint64_t)(uintptr_t)log,
        .log_size = sizeof log,
        .log_level = 1,
    };
    int loaded = bpf(BPF_PROG_LOAD, &attribute);
    if (loaded < 0) fault("bpf program: %m: %.800s", log);
    return loaded;
}

void net_steer(const struct net_sockets *sockets)
{
    ports = create_map(BPF_MAP_TYPE_HASH, 4, DATAGRAM_PORTS_MAX);
    int program = load_program(create_sockets(sockets));
    int space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (space < 0) fault("network namespace: %m");
    union bpf_attr attribute = {0};
    attribute.link_create.prog_fd = (uint32_t)program;
    attribute.link_create.target_fd = (uint32_t)space;
    attribute.link_create.attach_type = BPF_SK_LOOKUP;
    /* The link lives as long as this descriptor: it stays open for the life of init. */
    if (bpf(BPF_LINK_CREATE, &attribute) < 0) fault("bpf link: %m");
    close(space);
    close(program);
}

void net_open_port(uint16_t port)
{
    const uint32_t open = 1;
    put(ports, port, &open, "bpf port");
}

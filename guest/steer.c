/*
 * The sk_lookup program: chooses the listening socket of a new TCP connection by its destination alone. Loopback and the
 * guest's own address pass, so that servers inside the guest work; all else goes to init, or nowhere.
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

#define INSTRUCTION(opcode, destination, source, offset, immediate) \
    {.code = (opcode), .dst_reg = (destination), .src_reg = (source), .off = (offset), .imm = (immediate)}
#define LOAD(to, field) INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_6, offsetof(struct bpf_sk_lookup, field), 0)
#define COPY(to, from) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(to, value) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define CALL(function) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define IF_EQUAL(here, compared, value, target) INSTRUCTION(BPF_JMP32 | BPF_JEQ | BPF_K, compared, 0, (target) - (here) - 1, value)
#define IF_OTHER(here, compared, value, target) INSTRUCTION(BPF_JMP32 | BPF_JNE | BPF_K, compared, 0, (target) - (here) - 1, value)
#define IF_NULL(here, compared, target) INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, compared, 0, (target) - (here) - 1, 0)
#define GOTO(here, target) INSTRUCTION(BPF_JMP | BPF_JA, 0, 0, (target) - (here) - 1, 0)
#define EXIT INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int bpf(int command, union bpf_attr *attribute)
{
    return (int)syscall(SYS_bpf, command, attribute, sizeof *attribute);
}

static int create_map(int listener4, int listener6)
{
    union bpf_attr attribute = {.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 8, .max_entries = 2};
    int map = bpf(BPF_MAP_CREATE, &attribute);
    if (map < 0) fault("bpf map: %m");
    for (uint32_t key = 0; key < 2; key++) {
        uint64_t socket = (uint64_t)(key == 0 ? listener4 : listener6);
        union bpf_attr update = {.map_fd = (uint32_t)map, .key = (uint64_t)(uintptr_t)&key, .value = (uint64_t)(uintptr_t)&socket};
        if (bpf(BPF_MAP_UPDATE_ELEM, &update) < 0) fault("bpf map entry: %m");
    }
    return map;
}

static int load_program(int map)
{
    enum { V6 = 11, STEER = 20, PASS = 36, DROP = 38 };
    const struct bpf_insn program[] = {
        [0] = COPY(BPF_REG_6, BPF_REG_1),
        [1] = LOAD(BPF_REG_2, protocol),
        [2] = IF_OTHER(2, BPF_REG_2, IPPROTO_TCP, PASS),
        [3] = SET(BPF_REG_9, 0),
        [4] = LOAD(BPF_REG_2, family),
        [5] = IF_EQUAL(5, BPF_REG_2, AF_INET6, V6),
        [6] = LOAD(BPF_REG_2, local_ip4),
        [7] = IF_EQUAL(7, BPF_REG_2, (int32_t)htonl(OWN_ADDRESS), PASS),
        [8] = INSTRUCTION(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int32_t)htonl(0xff000000u)),
        [9] = IF_EQUAL(9, BPF_REG_2, (int32_t)htonl(0x7f000000u), PASS),
        [10] = GOTO(10, STEER),
        [V6] = SET(BPF_REG_9, 1),
        [12] = LOAD(BPF_REG_2, local_ip6[0]),
        [13] = IF_OTHER(13, BPF_REG_2, 0, STEER),
        [14] = LOAD(BPF_REG_2, local_ip6[1]),
        [15] = IF_OTHER(15, BPF_REG_2, 0, STEER),
        [16] = LOAD(BPF_REG_2, local_ip6[2]),
        [17] = IF_OTHER(17, BPF_REG_2, 0, STEER),
        [18] = LOAD(BPF_REG_2, local_ip6[3]),
        [19] = IF_EQUAL(19, BPF_REG_2, (int32_t)htonl(1), PASS),
        [STEER] = INSTRUCTION(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_9, -4, 0),
        [21] = COPY(BPF_REG_2, BPF_REG_10),
        [22] = INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
        [23] = INSTRUCTION(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
        [24] = INSTRUCTION(0, 0, 0, 0, 0),
        [25] = CALL(BPF_FUNC_map_lookup_elem),
        [26] = IF_NULL(26, BPF_REG_0, DROP),
        [27] = COPY(BPF_REG_7, BPF_REG_0),
        [28] = COPY(BPF_REG_1, BPF_REG_6),
        [29] = COPY(BPF_REG_2, BPF_REG_7),
        [30] = SET(BPF_REG_3, 0),
        [31] = CALL(BPF_FUNC_sk_assign),
        [32] = COPY(BPF_REG_8, BPF_REG_0),
        [33] = COPY(BPF_REG_1, BPF_REG_7),
        [34] = CALL(BPF_FUNC_sk_release),
        [35] = IF_OTHER(35, BPF_REG_8, 0, DROP),
        [PASS] = SET(BPF_REG_0, SK_PASS),
        [37] = EXIT,
        [DROP] = SET(BPF_REG_0, SK_DROP),
        [39] = EXIT,
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

void net_steer(int listener4, int listener6)
{
    int program = load_program(create_map(listener4, listener6));
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

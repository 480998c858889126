/* Invariant: what is in a slot stays untouched until the other side has emptied it. */
#define _GNU_SOURCE
#include "window.h"

#include <fcntl.h>
#include <glob.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "mux.h"
#include "system.h"

/* QEMU's ivshmem (docs/specs/ivshmem-spec.txt); its memory is region 2. */
#define VENDOR 0x1af4
#define DEVICE 0x1110

static uint8_t *window;
static uint32_t filled[WINDOW_SLOTS], emptied[WINDOW_SLOTS];

static unsigned long read_number(const char *device, const char *name)
{
    char path[256], text[16] = "";
    snprintf(path, sizeof path, "%s/%s", device, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    if (read(fd, text, sizeof text - 1) < 0) text[0] = '\0';
    close(fd);
    return strtoul(text, NULL, 16);
}

static void map_window(const char *device)
{
    char path[256];
    snprintf(path, sizeof path, "%s/enable", device);
    write_file(path, "1");
    snprintf(path, sizeof path, "%s/resource2", device);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) fault("window: %m");
    window = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (window == MAP_FAILED) fault("window: %m");
    close(fd);
}

void window_prepare(void)
{
    glob_t found;
    if (glob("/sys/bus/pci/devices/*", 0, NULL, &found) != 0) return;
    for (size_t i = 0; i < found.gl_pathc && !window; i++) {
        const char *device = found.gl_pathv[i];
        if (read_number(device, "vendor") == VENDOR && read_number(device, "device") == DEVICE) map_window(device);
    }
    globfree(&found);
}

/* An emulated processor moves wide words several times as fast as the ones the C library chooses for long copies. */
typedef uint8_t wide __attribute__((vector_size(32), aligned(1), may_alias));
#define STEP (4 * sizeof(wide))

#ifdef __x86_64__
__attribute__((target("avx2")))
#endif
static void copy_wide(uint8_t *to, const uint8_t *from, size_t length)
{
    for (size_t at = 0; at < length; at += STEP) {
        const wide *source = (const wide *)(from + at);
        wide *target = (wide *)(to + at);
        wide first = source[0], second = source[1], third = source[2], fourth = source[3];
        target[0] = first;
        target[1] = second;
        target[2] = third;
        target[3] = fourth;
    }
}

static void copy(uint8_t *to, const uint8_t *from, size_t length)
{
    size_t whole = 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) whole = length - length % STEP;
#endif
    copy_wide(to, from, whole);
    memcpy(to + whole, from + whole, length - whole);
}

static _Atomic uint32_t *count_of(uint32_t slot)
{
    return (_Atomic uint32_t *)(void *)window + slot;
}

static uint8_t *place_of(uint32_t slot)
{
    return window + WINDOW_COUNTS + (size_t)slot * WINDOW_SLOT;
}

static size_t put_frame(uint8_t *frame, uint32_t slot, size_t length)
{
    put_u32(frame, WINDOW_FRAME);
    put_u32(frame + 4, slot);
    put_u32(frame + 8, (uint32_t)length);
    return WINDOW_FRAME;
}

size_t window_open(uint8_t *frame)
{
    return window ? put_frame(frame, WINDOW_OPEN, WINDOW_SIZE) : 0;
}

size_t window_put(uint8_t *message, size_t length)
{
    if (!window || length < WINDOW_LEAST || length > WINDOW_SLOT) return length;
    for (uint32_t slot = 0; slot < WINDOW_UP; slot++) {
        if (atomic_load(count_of(slot)) != filled[slot]) continue;
        copy(place_of(slot), message, length);
        filled[slot]++;
        return put_frame(message, slot, length);
    }
    return length;
}

size_t window_take(const uint8_t *frame, uint8_t *message, size_t limit)
{
    uint32_t slot = get_u32(frame + 4), length = get_u32(frame + 8);
    if (!window || slot < WINDOW_UP || slot >= WINDOW_SLOTS || length > WINDOW_SLOT || length > limit)
        fault("file server sent slot %u with %u bytes", slot, length);
    copy(message, place_of(slot), length);
    atomic_store(count_of(slot), ++emptied[slot]);
    return length;
}

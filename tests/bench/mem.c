// SPDX-License-Identifier: GPL-2.0-or-later
// mem.c - memory: pointer chases in and out of the caches, copies.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

enum { LINE = 64, STEPS = 20000, COPY = 1 << 16 };

/* One cycle through all lines of a region, in random order (Sattolo's algorithm). */
static void *chase_setup(size_t bytes)
{
    size_t n = bytes / LINE;
    uint32_t *order = room(n * sizeof(*order));
    char *region = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = 77;
    must(region != MAP_FAILED, "memory for a chase");
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (next(&seed) >> 11) % i;
        uint32_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (size_t i = 0; i < n; i++)
        *(void **)(region + (size_t)order[i] * LINE) = region + (size_t)order[(i + 1) % n] * LINE;
    free(order);
    void **state = room(2 * sizeof(*state));
    state[0] = state[1] = region;
    return state;
}

static void *chase16k_setup(const struct settings *s)
{
    (void)s;
    return chase_setup(16 << 10);
}

static void *chase4m_setup(const struct settings *s)
{
    (void)s;
    return chase_setup(4 << 20);
}

static void *chase64m_setup(const struct settings *s)
{
    (void)s;
    return chase_setup(64 << 20);
}

/* Goes on where the run before stopped, so that a large region never becomes a warm one; hence no digest. */
static uint64_t chase_run(void *state)
{
    void **st = state, **p = st[1];
    for (int i = 0; i < STEPS; i++)
        p = *p;
    st[1] = (void *)p;
    return (uint64_t)(p == NULL);
}

static void *copy_setup(const struct settings *s)
{
    (void)s;
    char *both = room(2 * COPY);
    prose(both, COPY, 1);
    return both;
}

static uint64_t memcpy64_run(void *state)
{
    char *from = state, *to = from + COPY;
    for (int turn = 0; turn < 20; turn++)
        for (size_t i = 0; i < COPY; i += 64) {
            __asm__ volatile("" : "+r"(to), "+r"(from)); /* a call each, of the library's own memcpy */
            memcpy(to + i, from + (i ^ 192), 64 - (size_t)(turn & 1));
        }
    return digest_of(to, 256);
}

static uint64_t memcpy4k_run(void *state)
{
    char *from = state, *to = from + COPY;
    for (int turn = 0; turn < 200; turn++)
        for (size_t i = 0; i < COPY; i += 4096)
            memcpy(to + i, from + (i ^ 4096), 4096 - (size_t)(turn & 1));
    return digest_of(to, 256);
}

static uint64_t memset4k_run(void *state)
{
    char *to = (char *)state + COPY;
    for (int turn = 0; turn < 200; turn++)
        for (size_t i = 0; i < COPY; i += 4096)
            memset(to + i, turn, 4096 - (size_t)(turn & 1));
    return digest_of(to, 256);
}

const struct work works_mem[] = {
    {"chase16k", "mem", STEPS, chase16k_setup, chase_run, "step"},
    {"chase4m", "mem", STEPS, chase4m_setup, chase_run, "step"},
    {"chase64m", "mem", STEPS, chase64m_setup, chase_run, "step"},
    {"memcpy64", "mem", 20 * COPY / 64, copy_setup, memcpy64_run, "copy"},
    {"memcpy4k", "mem", 200 * COPY / 4096, copy_setup, memcpy4k_run, "copy"},
    {"memset4k", "mem", 200 * COPY / 4096, copy_setup, memset4k_run, "call"},
    {0},
};

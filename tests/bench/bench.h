// SPDX-License-Identifier: GPL-2.0-or-later
// bench.h - what a workload is, and the small helpers that all of them use.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the workloads are told from outside. */
struct settings {
    const char *cc1;    /* the C compiler proper, or NULL */
    const char *source; /* a preprocessed C file for it, or NULL */
};

/* One workload. `run` does the same fixed work each time it is called, about a millisecond natively, and
 * returns a digest of what it computed: the same on every engine. */
struct work {
    const char *name;
    const char *class;
    uint32_t ops;                            /* units of work in one run: what "ns per unit" divides by */
    void *(*setup)(const struct settings *); /* may be NULL; else NULL from it means "can't run here" */
    uint64_t (*run)(void *state);            /* must not fail: see must() */
    const char *unit;                        /* what a unit is, for people */
};

/* Tables, each ending in an entry without name. */
extern const struct work works_int[], works_text[], works_mem[], works_fp[], works_simd[], works_crypto[],
    works_sys[], works_code[], works_smp[], works_tool[];

/* Ends the workload with a message unless ok. */
void must(bool ok, const char *what);
/* Zeroed memory; ends the workload when there is none. */
void *room(size_t bytes);
uint64_t now_ns(void);
/* Puts the caller on one CPU, the one it is on, and its children with it. */
void stay_here(void);

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1d;
}

static inline uint64_t mix(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15;
    return digest ^ digest >> 29;
}

static inline uint64_t digest_of(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    uint64_t h = bytes;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 0x100000001b3;
    return h;
}

/* Text that compresses about as well as prose does. */
void prose(char *text, size_t bytes, uint64_t seed);

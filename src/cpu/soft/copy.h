// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * copy: memcpy and memset that leave vector registers alone, and where guest RAM is in the host.
 *
 * libc's own use AVX, and guest vectors are live in the host's registers while cpu/soft runs.
 * Copies of 1, 2, 4, 8 bytes are single accesses: another CPU may look at the same guest memory.
 */
#pragma once

#include <stddef.h>

#include "cpu/soft/soft.h"

/* At any address. */
typedef uint16_t loose16 __attribute__((aligned(1), may_alias));
typedef uint32_t loose32 __attribute__((aligned(1), may_alias));
typedef uint64_t loose64 __attribute__((aligned(1), may_alias));

static inline void copy_bytes(void *to, const void *from, size_t n)
{
    switch (n) {
    case 1:
        *(volatile uint8_t *)to = *(const volatile uint8_t *)from;
        return;
    case 2:
        *(volatile loose16 *)to = *(const volatile loose16 *)from;
        return;
    case 4:
        *(volatile loose32 *)to = *(const volatile loose32 *)from;
        return;
    case 8:
        *(volatile loose64 *)to = *(const volatile loose64 *)from;
        return;
    default:
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    }
}

static inline void zero_bytes(void *to, size_t n)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* Host address of guest-physical RAM, NULL if some of [gpa, gpa+size) is not RAM. */
static inline uint8_t *soft_ram(const struct soft *s, uint64_t gpa, uint64_t size)
{
    for (unsigned i = 0; i < s->nr_slots; i++) {
        uint64_t off = gpa - s->slots[i].base;
        if (off < s->slots[i].bytes && size <= s->slots[i].bytes - off)
            return s->slots[i].host + off;
    }
    return NULL;
}

/* Index of a RAM page in marks, from its host address. */
static inline uint64_t soft_page_index(const struct soft *s, const void *host)
{
    return (uint64_t)((const uint8_t *)host - s->slots[0].host) >> 12;
}

static inline uint64_t soft_gpa(const struct soft *s, const void *host)
{
    uint64_t off = (uint64_t)((const uint8_t *)host - s->slots[0].host);
    return off < s->slots[0].bytes ? off : s->slots[1].base + (off - s->slots[0].bytes);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* arena: see arena.h. */
#include "container/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define CHUNK 8000
#define ALIGN 16

struct arena_chunk {
    struct arena_chunk *before;
    size_t used, size;
    _Alignas(ALIGN) uint8_t mem[];
};

static struct arena_chunk *grow(struct arena *a, size_t bytes)
{
    size_t size = bytes > CHUNK ? bytes : CHUNK;
    struct arena_chunk *c = calloc(1, sizeof(*c) + size);
    BUG_ON(!c);
    c->size = size;
    c->before = a->last;
    a->last = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct arena_chunk *c = a->last;
    if (!c || c->size - c->used < bytes)
        c = grow(a, bytes);
    void *p = c->mem + c->used;
    c->used += bytes;
    return p;
}

char *arena_print(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_ON(n < 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_fini(struct arena *a)
{
    while (a->last) {
        struct arena_chunk *c = a->last;
        a->last = c->before;
        free(c);
    }
}

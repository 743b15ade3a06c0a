// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * arena: memory that is given back all at once, for what is parsed from a file and lives as long as it.
 *
 * A zeroed struct is an empty arena. Out of memory aborts: the kernel overcommits, so that a small
 * allocation fails only where nothing else would work either.
 */
#pragma once

#include <stddef.h>

struct arena {
    struct arena_chunk *last;
};

void *arena_alloc(struct arena *a, size_t bytes); /* zeroed, aligned for anything */
char *arena_print(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_fini(struct arena *a);

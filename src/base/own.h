// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own: who frees what, written where it is declared.
 *
 *     OWN(disk) d = NULL;      freed by disk_free() on every way out
 *     OWN_FD fd = -1;          closed on every way out
 *     *ret = take(d);          ownership leaves; d is NULL now
 *
 * Destructors take NULL and half-built objects and cannot fail.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Once per type, beside its declaration: OWN_TYPE(disk, disk_free). */
#define OWN_TYPE(noun, destroy)                                                                              \
    static inline void own_##noun(struct noun **p)                                                           \
    {                                                                                                        \
        destroy(*p);                                                                                         \
    }
#define OWN(noun) __attribute__((cleanup(own_##noun))) struct noun *

static inline void own_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define OWN_FD __attribute__((cleanup(own_fd))) int

static inline void own_mem(void *p)
{
    free(*(void **)p);
}
#define OWN_MEM __attribute__((cleanup(own_mem)))

static inline void own_file(FILE **f)
{
    if (*f)
        fclose(*f);
}
#define OWN_FILE __attribute__((cleanup(own_file))) FILE *

#define take(p)                                                                                              \
    ({                                                                                                       \
        __typeof__(p) taken_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        taken_;                                                                                              \
    })
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

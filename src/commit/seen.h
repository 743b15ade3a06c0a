// SPDX-License-Identifier: GPL-2.0-or-later
/* seen: what files were when they were copied, by their paths. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "base/own.h"

struct seen_file {
    ino_t ino;
    struct timespec ctime;
    mode_t mode;
    bool fresh;      /* it may have changed since without a trace */
    unsigned copied; /* in which pass */
    unsigned pass;   /* in which it was seen last */
};

struct seen;
struct seen *seen_new(void); /* NULL: out of memory */
void seen_free(struct seen *s);
OWN_TYPE(seen, seen_free)

struct seen_file *seen_find(struct seen *s, const char *path);             /* NULL: none */
int seen_put(struct seen *s, const char *path, const struct seen_file *f); /* -ENOMEM or 0 */
/* gone for each path that was not seen in this pass, the deepest first; they are forgotten. */
int seen_sweep(struct seen *s, unsigned pass, int (*gone)(void *ctx, const char *path), void *ctx);

// SPDX-License-Identifier: GPL-2.0-or-later
/* seen: see seen.h. */
#include "commit/seen.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <string.h>

struct row {
    char *path;
    struct seen_file file;
};

struct seen {
    void *tree;
    struct row **gone; /* of a sweep */
    size_t nr, room;
    unsigned pass;
    bool failed;
};

struct seen *seen_new(void)
{
    return calloc(1, sizeof(struct seen));
}

static void free_row(void *p)
{
    struct row *r = p;
    free(r->path);
    free(r);
}

void seen_free(struct seen *s)
{
    if (s)
        tdestroy(s->tree, free_row);
    free(s);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

struct seen_file *seen_find(struct seen *s, const char *path)
{
    const struct row key = {.path = (char *)(uintptr_t)path};
    void *found = tfind(&key, &s->tree, compare);
    return found ? &(*(struct row **)found)->file : NULL;
}

int seen_put(struct seen *s, const char *path, const struct seen_file *f)
{
    struct seen_file *there = seen_find(s, path);
    if (there) {
        *there = *f;
        return 0;
    }
    struct row *r = malloc(sizeof(*r));
    char *copy = strdup(path);
    if (r)
        *r = (struct row){copy, *f};
    if (r && copy && tsearch(r, &s->tree, compare))
        return 0;
    free(copy);
    free(r);
    return -ENOMEM;
}

/* ---- sweeping ---- */

static void collect(const void *node, VISIT which, void *ctx)
{
    struct seen *s = ctx;
    struct row *r = *(struct row *const *)node;
    if ((which != postorder && which != leaf) || r->file.pass == s->pass)
        return;
    if (s->nr == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct row **more = realloc(s->gone, room * sizeof(struct row *));
        if (!more) {
            s->failed = true;
            return;
        }
        s->gone = more;
        s->room = room;
    }
    s->gone[s->nr++] = r;
}

/* In order of paths what is in a folder comes after it. */
int seen_sweep(struct seen *s, unsigned pass, int (*gone)(void *ctx, const char *path), void *ctx)
{
    s->pass = pass;
    s->nr = s->room = 0;
    s->gone = NULL;
    s->failed = false;
    twalk_r(s->tree, collect, s);
    int rc = s->failed ? -ENOMEM : 0;
    for (size_t i = s->nr; rc == 0 && i-- > 0;) {
        struct row *r = s->gone[i];
        rc = gone(ctx, r->path);
        tdelete(r, &s->tree, compare);
        free_row(r);
    }
    free(take(s->gone));
    return rc;
}

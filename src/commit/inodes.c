// SPDX-License-Identifier: GPL-2.0-or-later
/* inodes: see inodes.h. */
#include "commit/inodes.h"

#include <errno.h>
#include <search.h>
#include <string.h>

struct inodes {
    void *tree;
};

struct first {
    dev_t dev;
    ino_t ino;
    char *path;
};

struct inodes *inodes_new(void)
{
    return calloc(1, sizeof(struct inodes));
}

static void free_first(void *p)
{
    struct first *f = p;
    free(f->path);
    free(f);
}

void inodes_free(struct inodes *n)
{
    if (n)
        tdestroy(n->tree, free_first);
    free(n);
}

static int compare(const void *a, const void *b)
{
    const struct first *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int add(struct inodes *n, const struct first *key, const char *path)
{
    struct first *f = malloc(sizeof(*f));
    char *copy = strdup(path);
    if (f)
        *f = (struct first){key->dev, key->ino, copy};
    if (f && copy && tsearch(f, &n->tree, compare))
        return 0;
    free(copy);
    free(f);
    return -ENOMEM;
}

int inodes_first(struct inodes *n, const struct stat *st, const char *path, const char **ret)
{
    const struct first key = {.dev = st->st_dev, .ino = st->st_ino};
    void *found = tfind(&key, &n->tree, compare);
    *ret = found ? (*(struct first **)found)->path : NULL;
    return found ? 0 : add(n, &key, path);
}

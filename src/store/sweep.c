// SPDX-License-Identifier: GPL-2.0-or-later
/* sweep: see sweep.h. */
#include "store/sweep.h"

#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "base/paths.h"
#include "store/blob.h"
#include "store/layer.h"

enum kind { BLOB = 'b', LAYER = 'l' };

struct name {
    char kind;
    struct digest digest;
};

struct usage {
    struct name *names; /* of each image each once; in order when all are there */
    size_t nr, room;
    bool failed; /* out of memory, or an image cannot be read: then nothing is known for sure */
};

/* ---- the lock ---- */

static int lock_store(bool shared, bool wait, int *ret_fd, struct err *e)
{
    OWN_MEM char *data = paths_data();
    OWN_MEM char *path = data ? path_make("%s/.store.lock", data) : NULL;
    int rc = path ? dir_make(data, 0755, e) : err_code(e, -ENOMEM, "store");
    return rc < 0 ? rc : file_lock(path, shared, wait, ret_fd, e);
}

int store_hold(int *ret_fd, struct err *e)
{
    return lock_store(true, true, ret_fd, e);
}

/* ---- what is named ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct name));
}

static bool in_range(const struct usage *u, size_t from, const struct name *n)
{
    for (size_t i = from; i < u->nr; i++)
        if (compare(&u->names[i], n) == 0)
            return true;
    return false;
}

static void add(struct usage *u, size_t from, enum kind kind, const struct digest *d)
{
    const struct name n = {(char)kind, *d};
    if (in_range(u, from, &n))
        return;
    if (u->nr == u->room) {
        size_t room = u->room ? 2 * u->room : 256;
        struct name *more = realloc(u->names, room * sizeof(*more));
        if (!more) {
            u->failed = true;
            return;
        }
        u->names = more;
        u->room = room;
    }
    u->names[u->nr++] = n;
}

static void add_image(void *ctx, const char *name, const struct image *i, const struct err *trouble)
{
    struct usage *u = ctx;
    size_t from = u->nr;
    (void)name, (void)trouble;
    if (!i) {
        u->failed = true;
        return;
    }
    for (unsigned k = 0; k < i->nr_layers; k++) {
        add(u, from, BLOB, &i->layers[k].blob);
        add(u, from, LAYER, &i->layers[k].layer.key);
    }
    if (i->nr_layers) {
        add(u, from, BLOB, &i->manifest);
        add(u, from, BLOB, &i->config_blob);
    }
}

struct usage *usage_new(void)
{
    OWN(usage) u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    if (image_list(add_image, u, NULL) < 0)
        u->failed = true;
    if (u->nr)
        qsort(u->names, u->nr, sizeof(*u->names), compare);
    return take(u);
}

void usage_free(struct usage *u)
{
    if (u)
        free(u->names);
    free(u);
}

static bool shared(const struct usage *u, const struct name *n)
{
    const struct name *found = u->nr ? bsearch(n, u->names, u->nr, sizeof(*n), compare) : NULL;
    if (!found)
        return false;
    size_t at = (size_t)(found - u->names);
    return (at > 0 && compare(&u->names[at - 1], n) == 0) ||
           (at + 1 < u->nr && compare(&u->names[at + 1], n) == 0);
}

static void count(const struct usage *u, enum kind kind, const struct digest *d, uint64_t bytes,
                  uint64_t *own, uint64_t *others)
{
    const struct name n = {(char)kind, *d};
    *(shared(u, &n) ? others : own) += bytes;
}

void usage_bytes(const struct usage *u, const struct image *i, uint64_t *ret_own, uint64_t *ret_shared)
{
    *ret_own = *ret_shared = 0;
    for (unsigned k = 0; k < i->nr_layers; k++) {
        const struct image_layer *l = &i->layers[k];
        bool again = false;
        for (unsigned before = 0; before < k; before++)
            again |= digest_same(&i->layers[before].blob, &l->blob);
        if (again)
            continue;
        count(u, BLOB, &l->blob, l->blob_bytes, ret_own, ret_shared);
        count(u, LAYER, &l->layer.key, l->layer.bytes, ret_own, ret_shared);
    }
}

/* ---- sweeping ---- */

static bool is_used(const struct usage *u, enum kind kind, const char *hex)
{
    struct name n = {.kind = (char)kind};
    if (strlen(hex) != DIGEST_HEX)
        return false;
    memcpy(n.digest.hex, hex, sizeof(n.digest.hex));
    return u->nr && bsearch(&n, u->names, u->nr, sizeof(n), compare);
}

static void sweep_folder(const struct usage *u, enum kind kind, const char *dir)
{
    DIR *d = dir ? opendir(dir) : NULL;
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            is_used(u, kind, entry->d_name))
            continue;
        OWN_MEM char *path = path_make("%s/%s", dir, entry->d_name);
        if (path)
            (void)dir_remove(path, NULL);
    }
    if (d)
        closedir(d);
}

void store_sweep(void)
{
    OWN_FD lock = -1;
    if (lock_store(false, false, &lock, NULL) < 0)
        return;
    OWN(usage) u = usage_new();
    OWN_MEM char *blobs = blob_dir(), *layers = layer_dir();
    if (!u || u->failed)
        return;
    sweep_folder(u, LAYER, layers);
    sweep_folder(u, BLOB, blobs);
}

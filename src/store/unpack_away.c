// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unpack_away: what a layer takes away, where all layers are unpacked into one folder. A pass of its own,
 * since a mark may stand behind what the same layer puts in its place.
 */
#include <string.h>

#include "base/file.h"
#include "store/layer_mark.h"
#include "store/unpack_impl.h"
#include "store/utf8.h"

static int take_away(struct unpacking *u, struct err *e)
{
    OWN_MEM char *path = NULL;
    const char *name, *gone;
    int dir, rc = unpack_clean(tree_path(u->t), &path, e);
    if (rc < 0)
        return rc;
    const char *last = strrchr(path, '/');
    enum layer_mark m = layer_mark(last ? last + 1 : path, &gone);
    if (m != MARK_GONE && m != MARK_OPAQUE)
        return 0;
    if ((rc = unpack_parent(u, path, &name, &dir, e)) < 0)
        return rc;
    rc = m == MARK_OPAQUE ? dir_clear(dir) : unpack_remove(dir, gone);
    unpack_forget_parent(u);
    return rc < 0 ? err_code(e, rc, "%.200s", path) : 0;
}

int unpack_take_away(struct tree *t, const char *to, struct err *e)
{
    OWN_UTF8 names = utf8_begin();
    struct unpack c = {.to = to};
    struct unpacked none = {0};
    struct unpacking u = {.c = &c, .t = t, .result = &none, .top = -1, .parent_fd = -1};
    int rc = unpack_begin(&u, e);
    while (rc >= 0 && (rc = tree_next(t, e)) > 0)
        rc = take_away(&u, e);
    unpack_end(&u);
    return rc;
}

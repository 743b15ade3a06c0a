// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layer_mark: how a layer tells what it takes away. Source: OCI image-spec 1.1, layer.md, "Representing
 * Changes".
 */
#pragma once

enum layer_mark {
    MARK_NONE,
    MARK_GONE,    /* .wh.NAME: lower layers' NAME is not to be seen */
    MARK_OPAQUE,  /* .wh..wh..opq: nothing of lower layers in this folder is */
    MARK_OTHER,   /* .wh..wh.*: AUFS' own, without a meaning */
    MARK_INVALID, /* .wh. of nothing, "." or ".." */
};

/* name: an entry's last part. *ret_gone: of MARK_GONE: what is gone, a part of name. */
enum layer_mark layer_mark(const char *name, const char **ret_gone);

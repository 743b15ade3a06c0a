// SPDX-License-Identifier: GPL-2.0-or-later
/* unpack_impl: what the halves of unpack share. */
#pragma once

#include <sys/types.h>

#include "store/unpack.h"

struct folder_meta { /* set when nothing more is put into it */
    char *path;
    mode_t mode;
    struct timespec mtime;
    unsigned order;
};

struct unpacking {
    const struct unpack *c;
    struct tree *t;
    struct progress *p;
    struct unpacked *result;
    int top;
    bool root; /* may give files away and make devices */
    bool trusted;
    char *parent; /* of the entry before, and its descriptor: archives come folder by folder */
    int parent_fd;
    struct folder_meta *folders;
    unsigned nr_folders, room;
    unsigned nr_entries;
    uint64_t free_bytes;
};

int unpack_begin(struct unpacking *u, struct err *e);
void unpack_end(struct unpacking *u);

/* The path without "./" and "//", malloc'd in *ret. -EINVAL, -ENAMETOOLONG. */
int unpack_clean(const char *path, char **ret, struct err *e);

/* The folder that holds path's last part, *ret_name, made if missing. Borrowed until the next call. */
int unpack_parent(struct unpacking *u, const char *path, const char **ret_name, int *ret_fd, struct err *e);
void unpack_forget_parent(struct unpacking *u);

/* Take away what is there, whatever it is; nothing there is success. -errno. */
int unpack_remove(int dir, const char *name);

/* Overlayfs' marks. -errno or 0. */
int unpack_whiteout(struct unpacking *u, int dir, const char *name);
int unpack_opaque(struct unpacking *u, int dir);
/* Something comes where a name was taken away: the mark goes. True: there was one. */
bool unpack_unmark(const struct unpacking *u, int dir, const char *name);

/* Owner, attributes, mode, times of what the tree's entry has become. */
int unpack_meta(struct unpacking *u, int dir, const char *name, const char *path, struct err *e);
/* The same of a file of another folder. */
int unpack_borrow(struct unpacking *u, const char *target, int dir, const char *name, struct err *e);

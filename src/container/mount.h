// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mount: one entry of `mounts` put into a container's root, by the descriptor based mount API: what is
 * mounted and where are descriptors, so that no name is looked up twice.
 */
#pragma once

#include "container/config.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000 /* of open_tree and mount_setattr; glibc 2.36 lacks it */
#endif

struct cgroup;

struct mount_place {
    int root;                    /* the container's root, attached */
    const struct cgroup *cgroup; /* for mounts of type cgroup; NULL: none */
    bool own_cgroup_ns;
    const char *bundle; /* relative sources start here */
    const char *label;  /* SELinux context for new file systems, or NULL */
    int *source;        /* per entry: a detached mount made outside the user namespace, or -1 */
};

/* index: which entry of c->mounts. */
int mount_one(const struct mount_place *p, const struct config *c, unsigned index, struct err *e);

/* A bind mount's source as a detached tree, options and ID map applied; the descriptor or -errno. */
int mount_source(const struct mount_config *m, const char *bundle, int userns, struct err *e);

/* A detached mount of a file system without a source: fs type, NULL-ended options. Descriptor or -errno. */
int mount_new(const char *type, const char *const *options, unsigned attr, struct err *e);

/* Move a detached mount onto the file behind target. -errno or 0. */
int mount_attach(int mount, int target);
/* A detached clone of what is mounted at fd. */
int mount_clone(int fd, bool recursive);
int mount_set(int mount, uint64_t set, uint64_t clear, bool recursive);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_changes: what a container has changed, for who wants it as it is at one moment: a snapshot, a
 * copy.
 *
 * One that does not run is locked meanwhile; one that runs stands still for the last pass of the copy.
 */
#pragma once

#include "base/progress.h"
#include "commit/layer_write.h"
#include "monitor/guest_dir.h"

struct container_changes {
    struct guest_dir *dir;
    struct guest_config config;
    char *path;  /* the folder; NULL: it never ran */
    bool whole;  /* all of its files, as it has no overlay */
    bool locked; /* it does not run */
};

/* -ENOENT; -EOPNOTSUPP: a machine. */
int container_changes_open(const char *name, struct container_changes *ret, struct err *e);
void container_changes_close(struct container_changes *c);
#define OWN_CHANGES __attribute__((cleanup(container_changes_close))) struct container_changes

/* To the new folder `to`. *ret_pause_ns: how long it stood still. -ENOSPC, -EINTR, ... */
int container_changes_copy(const struct container_changes *c, const char *to, struct progress *p,
                           uint64_t *ret_pause_ns, struct err *e);

/* layer_write as whoever may read all that the containers of this user wrote. */
int container_changes_write(const char *folder, int file, struct progress *p, struct layer_written *ret,
                            struct err *e);
/* dir_remove likewise. */
int container_changes_remove(const char *path, struct err *e);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client_container: snapshots of containers: their files, as an image that any program takes. Errors common
 * to all are client.h's.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/progress.h"

struct container_snapshot {
    const char *name; /* of the container */
    const char *ref;  /* of the image, NAME:TAG or NAME; NULL: the container's name and the next number */
    const char *message, *author; /* or NULL */
};
/*
 * *ret: {"ref", "id" (of the manifest), "image", "bytes" (of the layer), "pause_ns" (0: it did not run)} (new
 * reference). One that runs stands still while what changed during the copy is copied once more. -EEXIST: an
 * image is called so; -EOPNOTSUPP: a machine, or it runs and there is no cgroup to make it stand still;
 * -ENOSPC; -EINTR.
 */
int client_container_snapshot(const struct container_snapshot *s, struct progress *p, json_t **ret,
                              struct err *e);

/*
 * Back to a snapshot made of it, or of another container of the same image, or to that image. What it has
 * changed since is lost. One that runs starts its command anew. -EINVAL: a snapshot of something else.
 */
int client_container_restore(const char *name, const char *image, struct err *e);

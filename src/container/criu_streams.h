// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * criu_streams: a container's standard streams lead to its host. A checkpoint keeps their names in a file of
 * the images' folder, as runc and crun do, and whoever restores puts its own streams in their place.
 */
#pragma once

#include "base/buf.h"
#include "container/config.h"
#include "container/state.h"

/* images: the folder. opts: fields of criu_opts; files of the host get in there as external ones. */
int criu_streams_save(const struct config *c, const struct state *s, int images, struct buf *opts,
                      struct err *e);
/* -ENOENT: there is no checkpoint. */
int criu_streams_inherit(const char *images, struct buf *opts, struct err *e);

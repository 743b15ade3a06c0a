// SPDX-License-Identifier: GPL-2.0-or-later
/* criu_request: what checkpoint and restore ask criu for alike: folders, and options passed on. */
#pragma once

#include "container/container.h"
#include "container/criu.h"

struct criu_dirs {
    int images, work; /* work is -1: the same */
    const char *log;  /* path of the folder that the log is in */
};
void criu_dirs_fini(struct criu_dirs *d);
#define OWN_CRIU_DIRS __attribute__((cleanup(criu_dirs_fini))) struct criu_dirs

/* Open both, made if they are missing: that for images too, for writing (else it must be there). */
int criu_dirs_open(const struct criu_options *o, bool writing, struct criu_dirs *ret, struct err *e);

/* Append the options to opts, fields of criu_opts. log: name of the log. */
int criu_request(const struct criu_options *o, const struct criu_dirs *d, const struct config *c,
                 const char *log, struct buf *opts, struct err *e);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * draft: an image while it is made, in images/.tmp-NAME; it becomes images/NAME in one rename, or vanishes.
 *
 * .tmp-NAME/lock is held by the maker's process for as long as it lives: a folder whose lock is free belongs
 * to nobody any more, and the next maker sweeps it away.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/own.h"

struct draft {
    char *name;
    char *dir;  /* images/.tmp-NAME */
    char *disk; /* dir/disk.raw, ... */
    char *kernel;
    char *modules;
    int lock;
};

/* Sweeps what others left, too. -EINVAL: not a name for images; -EEXIST: taken; -EBUSY: it is being made just
 * now. */
int draft_begin(const char *name, struct draft **ret, struct err *e);

/* The paths only, in a folder that somebody else looks after; NULL: out of memory. */
struct draft *draft_at(const char *name, const char *dir);

/*
 * A folder for big temporary things outside of data/, since helpers under other user ids must be able to
 * reach it: below $TMPDIR or /var/tmp, gone with the draft. malloc'd.
 */
int draft_scratch(struct draft *d, char **ret, struct err *e);

/* Write image.json and publish it. */
int draft_commit(struct draft *d, const json_t *about, struct err *e);

void draft_free(struct draft *d); /* removes all that was not published */
OWN_TYPE(draft, draft_free)

/* Take an image out of sight and remove it. The caller knows that nobody uses it. */
int draft_discard(const char *name, struct err *e);

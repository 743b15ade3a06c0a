// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * file: whole files, folders, locks, with errors that name the path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"

/* A malloc'd path (any string) in printf's words, or NULL: out of memory. */
char *path_make(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * All of a file into malloc'd *ret, with a 0 byte behind its *ret_len (NULL allowed) bytes. Works for files
 * in /proc and pipes too. -EFBIG: more than max bytes; -EISDIR: a folder.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

/* Replace path as a whole or not at all, even if the machine dies: temporary file beside it, fsync, rename,
 * fsync. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/*
 * A regular file that was opened with O_PATH, now to read; anything else is -EINVAL and not touched: a device
 * would notice. Descriptor or -errno.
 */
int file_reopen_regular(int path_fd);

/* Write all of it, through signals and short writes. */
int file_write_all(int fd, const void *data, size_t len); /* -errno or 0 */

/* Make a folder and those above it; there already is success. -ENOTDIR: something else is in the way. */
int dir_make(const char *path, mode_t mode, struct err *e);
/* One that nobody else may enter: set-user-ID programs of images lie below it. */
int dir_make_private(const char *path, struct err *e);

/*
 * Remove a file, or a folder with all below it; gone already is success. Symbolic links are removed, never
 * followed; a mount below it is left alone and makes it fail with -EBUSY.
 */
int dir_remove(const char *path, struct err *e);

/* The same with all that is in an open folder, but not the folder. -errno or 0. */
int dir_clear(int dir);

/* Make what was written or renamed in the folder last. */
int dir_sync(const char *path, struct err *e);

/*
 * flock(2) on path, created (0600) if missing; held until *ret_fd is closed, by its process' end at the
 * latest. -EWOULDBLOCK: someone else holds it (and wait is false).
 */
int file_lock(const char *path, bool shared, bool wait, int *ret_fd, struct err *e);

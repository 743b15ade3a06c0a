// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inroot: files below a container's root, none of whose names can lead out of it.
 *
 * A path is resolved as if root were "/": absolute links, ".." and links set by whoever fills the root stay
 * inside, magic links (/proc/PID/fd, ...) are refused. Made by openat2(2), so that nobody can move a folder
 * between a check and its use. What is returned is a descriptor: use that, never the path again.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* flags as in open(2); O_CLOEXEC is added. Returns the descriptor or -errno. */
int inroot_open(int root, const char *path, int flags, mode_t mode);

/* The same, but a link or a mount on the way, or at the end, is -ELOOP or -EXDEV. */
int inroot_open_plain(int root, const char *path, int flags, mode_t mode);

/* The folder (or empty file) path, made if missing together with the folders above it. An O_PATH fd or
 * -errno.
 */
int inroot_make_dir(int root, const char *path, mode_t mode);
int inroot_make_file(int root, const char *path, mode_t mode);

/* The folder that holds path's last part, made if missing; *ret_name points at that part in path. */
int inroot_parent(int root, const char *path, const char **ret_name);

/* Write text to a file below root that no link and no other mount stands in for (for procfs). -errno or 0. */
int inroot_write_plain(int root, const char *path, const char *text);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slirp_lib: libslirp, loaded when the first guest wants a user-mode network. It brings GLib along, and
 * linked to the program both would be loaded for each command.
 */
#pragma once

#include <libslirp.h>

#include "base/err.h"

/* The functions by their names in the library, without slirp_. */
struct slirp_lib {
    void *handle;
    __typeof__(slirp_version_string) *version_string;
    __typeof__(slirp_new) *new;
    __typeof__(slirp_cleanup) *cleanup;
    __typeof__(slirp_input) *input;
    __typeof__(slirp_pollfds_fill) *pollfds_fill;
    __typeof__(slirp_pollfds_poll) *pollfds_poll;
    __typeof__(slirp_add_hostfwd) *add_hostfwd;
    __typeof__(slirp_remove_hostfwd) *remove_hostfwd;
};

/* -ENOENT: it is not installed, or is another version. */
int slirp_lib_open(struct slirp_lib *ret, struct err *e);
void slirp_lib_close(struct slirp_lib *l);

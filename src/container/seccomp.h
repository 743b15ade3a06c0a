// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seccomp: the section linux.seccomp as a filter for the kernel.
 *
 * Compiling a usual profile takes 13 ms, so filters are kept: the key is the section's own text, compared
 * byte for byte, with the kernel and library they were made for. Source: OCI runtime-spec 1.2,
 * config-linux.md, "Seccomp".
 */
#pragma once

#include <linux/filter.h>

#include "container/config.h"

struct seccomp_filter {
    struct sock_filter *insn; /* NULL: no filter */
    unsigned nr;
    unsigned flags; /* SECCOMP_FILTER_FLAG_*; NEW_LISTENER: the profile has SCMP_ACT_NOTIFY */
    char *listener, *metadata;
};
void seccomp_filter_fini(struct seccomp_filter *f);

/* dir: the state root, below which filters are kept; NULL: keep none. c without a profile: an empty filter.
 */
int seccomp_prepare(const struct config *c, const char *dir, struct seccomp_filter *ret, struct err *e);
/* Put the calling process under it. Returns the listener's descriptor, or -1 if there is none wanted. */
int seccomp_enter(const struct seccomp_filter *f, int *ret_listener, struct err *e);

/* Names that a profile may use for architectures, from 0 on; NULL: no more. */
const char *seccomp_arch_name(unsigned i);

/* Without the cache. */
int seccomp_compile(const char *text, size_t len, struct seccomp_filter *ret, struct err *e);

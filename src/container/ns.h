// SPDX-License-Identifier: GPL-2.0-or-later
/* ns: namespaces: which to make, joining those given by a path, ID maps. */
#pragma once

#include "container/config.h"

/*
 * Open what is to be joined into fd[NS_KINDS] (-1: nothing). -EINVAL: one is of another kind, or is the
 * host's own and the configuration would change it.
 */
int ns_open(const struct config *c, int fd[NS_KINDS], struct err *e);
/* Flags of the namespaces that are to be new. */
unsigned long ns_new_flags(const struct config *c);
/* Join one, or all that are open but pid and user. */
int ns_join(enum ns_kind kind, int fd, struct err *e);
int ns_join_rest(const int fd[NS_KINDS], struct err *e);

/* From outside: the ID maps of pid's new user namespace. */
int ns_write_maps(pid_t pid, const struct id_maps *uids, const struct id_maps *gids, struct err *e);
/* Are we in the host's own user namespace (or is there no other)? */
bool ns_user_is_hosts(void);
/* Is setgroups(2) allowed in the container? Not where an ordinary user maps just its own group. */
bool ns_may_set_groups(const struct config *c);
/* A user namespace with these maps that nobody is in; its descriptor. */
int ns_make_user(const struct id_maps *uids, const struct id_maps *gids, struct err *e);

/* Offsets of a new time namespace, before anybody is in it. */
int ns_time_offsets(const struct config *c, struct err *e);
/* Loopback up, as a new network namespace has it down. -errno or 0. */
int ns_loopback_up(void);

/* clone3(2) without a stack: as fork. cgroup: a v2 folder to be born in, or -1. */
pid_t ns_clone(unsigned long flags, int cgroup);

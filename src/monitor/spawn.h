// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn: a guest gets its monitor: a process of its own, in its own session, that outlives us.
 *
 * Both calls return when the machine runs (its kernel, not yet its agent). Whatever fails leaves nothing
 * behind, and SIGINT, SIGTERM or SIGHUP meanwhile do the same: -EINTR then, with the signal still pending for
 * whoever holds it back (interrupt_hold), else delivered at return.
 */
#pragma once

#include "monitor/guest.h"

/*
 * Make a guest and start it. *ret_name (malloc'd): its name, made up if c->name is NULL. Warnings go to the
 * log. -EINVAL: c is wrong; -EEXIST: name taken; -ENOENT: no such image or file; -EADDRINUSE: port taken;
 * -ENOMEM, ...
 */
int monitor_spawn(const struct guest_config *c, char **ret_name, struct err *e);

/* Start one that is there: stopped, broken or crashed. attach: a container's streams wait for client_attach.
 * -ENOENT: none called so; -EBUSY: it runs. */
int monitor_start(const char *name, bool attach, struct err *e);

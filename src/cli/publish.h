// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * publish: -p as typed: [ADDRESS:]HOST:GUEST[/tcp|/udp], ports as numbers, or as ranges of one length:
 * 8000-8003:80-83.
 */
#pragma once

#include "base/opt.h"
#include "monitor/guest.h"

/* The host's side alone: [ADDRESS:]HOST[/udp]; with :GUEST too. guest_port is not 0, and says nothing. */
int publish_parse_host(const char *text, struct guest_forward *ret, struct err *e);
int publish_parse(const char *text, struct guest_forward *ret, struct err *e); /* -EINVAL */

/* All that were typed, each range a port at a time, each of them by one of the above. */
typedef int publish_one(const char *text, struct guest_forward *ret, struct err *e);
int publish_list(const struct opt_list *typed, publish_one *one, struct guest_forward ret[GUEST_FORWARDS],
                 unsigned *ret_nr, struct err *e);

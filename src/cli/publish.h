// SPDX-License-Identifier: GPL-2.0-or-later
/* publish: -p as typed: [ADDRESS:]HOST:GUEST[/tcp|/udp], ports as numbers. */
#pragma once

#include "monitor/guest.h"

/* The host's side alone: [ADDRESS:]HOST[/udp]; with :GUEST too. guest_port is not 0, and says nothing. */
int publish_parse_host(const char *text, struct guest_forward *ret, struct err *e);
int publish_parse(const char *text, struct guest_forward *ret, struct err *e); /* -EINVAL */

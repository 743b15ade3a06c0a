// SPDX-License-Identifier: GPL-2.0-or-later
/* publish: -p as typed: [ADDRESS:]HOST:GUEST[/tcp|/udp], ports as numbers. */
#pragma once

#include "monitor/guest.h"

int publish_parse(const char *text, struct guest_forward *ret, struct err *e); /* -EINVAL */

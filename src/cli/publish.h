// SPDX-License-Identifier: GPL-2.0-or-later
/* publish: -p as typed: [ADDRESS:]HOST:GUEST[/tcp|/udp], ports as numbers. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct publish {
    bool udp;
    struct in_addr address; /* INADDR_ANY: every address of the host */
    uint16_t host, guest;
};

int publish_parse(const char *text, struct publish *ret, struct err *e); /* -EINVAL */

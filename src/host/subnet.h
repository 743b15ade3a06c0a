// SPDX-License-Identifier: GPL-2.0-or-later
/* subnet: ranges of IPv4 addresses: which one is free on this host, and who gets which address of it. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct subnet { /* host byte order; the network's first address, its mask's length */
    uint32_t base;
    unsigned bits;
};

/* "10.87.0.0/16": 8 to 28 bits, none set behind them. -EINVAL. */
int subnet_parse(const char *text, struct subnet *ret, struct err *e);
#define SUBNET_TEXT 20
void subnet_text(const struct subnet *s, char text[SUBNET_TEXT]);

bool subnet_overlaps(const struct subnet *a, const struct subnet *b);

/*
 * The first of hospes' own candidates that overlaps none of the nr taken ones; the default route (0 bits) is
 * no hindrance. -EADDRINUSE: none is left.
 */
int subnet_choose(const struct subnet *taken, size_t nr, struct subnet *ret, struct err *e);

/* Addresses are counted from the base: 1 is the gateway, 2 to subnet_last are guests'. */
uint32_t subnet_last(const struct subnet *s);
struct in_addr subnet_address(const struct subnet *s, uint32_t number);
/* Where a search for a free number begins, always the same for a name; i: 0, 1, ... of the search. */
uint32_t subnet_number(const struct subnet *s, const char *name, uint32_t i);

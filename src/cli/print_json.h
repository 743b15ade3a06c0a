// SPDX-License-Identifier: GPL-2.0-or-later
/* print_json: what --json prints. */
#pragma once

#include <jansson.h>
#include <stdio.h>

static inline void print_json(const json_t *j)
{
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
}

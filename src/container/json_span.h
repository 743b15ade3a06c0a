// SPDX-License-Identifier: GPL-2.0-or-later
/* json_span: where in a JSON text a value stands, without parsing it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct span {
    size_t start, end; /* bytes [start, end) */
};

/*
 * The value of .outer.inner of the text's object. False: not there, or the text is broken (whoever parses it
 * will tell). Keys written with escapes are not recognized; what is found is well bracketed, not more.
 */
bool json_span_find(const char *text, size_t len, const char *outer, const char *inner, struct span *ret);

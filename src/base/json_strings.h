// SPDX-License-Identifier: GPL-2.0-or-later
/* json_strings: lists of strings (arguments, environment) to and from JSON. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* A new array; null for NULL. NULL: one of them is not UTF-8, or out of memory. */
json_t *strings_json(const char *const *list);

/*
 * An array of at most max strings: *ret is a malloc'd NULL-ended list of strings that o owns; NULL if there
 * is none. -EINVAL: something else.
 */
int strings_parse(const json_t *o, const char *key, size_t max, const char ***ret, struct err *e);

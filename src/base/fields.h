// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fields: the text of a request to the agent and of its reply: "name=value\0name=value\0...".
 * Names may repeat, order is kept. So small that the guest's program needs no parser. Threads: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fields_valid(const void *list, size_t len); /* each is name=value and ends with \0; do this first */

/* The first value of that name, or the next one after `after` (an earlier answer). NULL: none. Points inside.
 */
const char *fields_get(const void *list, size_t len, const char *name);
const char *fields_next(const void *list, size_t len, const char *name, const char *after);
/* A decimal number of at most max; if there is none or it is no such number: without. */
uint64_t fields_number(const void *list, size_t len, const char *name, uint64_t max, uint64_t without);

/* Append to list[0..*len) of cap bytes; false: no room, nothing is written. */
bool fields_add(void *list, size_t cap, size_t *len, const char *name, const char *value);

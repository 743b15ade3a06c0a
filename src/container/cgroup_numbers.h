// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_numbers: numbers out of a cgroup's files into JSON. A file that is not there leaves its key out. */
#pragma once

#include "base/json.h"
#include "container/cgroup.h"

void numbers_put(json_t *o, const char *key, uint64_t n); /* at most INT64_MAX */

/* A file with one number; "max" is the largest there is. d may be NULL: not there. */
bool numbers_read(const struct cgroup_dir *d, const char *file, uint64_t *ret);
void numbers_put_file(json_t *o, const char *key, const struct cgroup_dir *d, const char *file);

/* Of the text of a file of lines "word number": the one behind key (0: none), or all as an object. */
uint64_t numbers_keyed(const char *text, const char *key);
json_t *numbers_keyed_all(char *text);

/* "0-2,5" as [0, 1, 2, 5]. */
json_t *numbers_list(const char *text);

/* A pressure file (PSI): {"some": {"avg10": ..., "total": ...}, "full": {...}}; NULL: there is none. */
json_t *numbers_pressure(const struct cgroup_dir *d, const char *file);

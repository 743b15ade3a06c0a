// SPDX-License-Identifier: GPL-2.0-or-later
/* stats_container: what a container has used, for people: what its cgroups count. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* As stats_print's: before may be NULL. */
void stats_container_print(FILE *f, const json_t *before, const json_t *now);

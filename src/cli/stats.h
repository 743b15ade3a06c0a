// SPDX-License-Identifier: GPL-2.0-or-later
/* stats: the page of `hospes inspect --stats`. */
#pragma once

#include <stdio.h>

#include "cli/sample.h"

/* Two samples of the guest, in JSON; before is NULL where there is only one: no rates then. */
void stats_print(FILE *f, const json_t *before, const json_t *now);

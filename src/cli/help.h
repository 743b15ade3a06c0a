// SPDX-License-Identifier: GPL-2.0-or-later
/* help: texts for people from the verb tables, 80 columns wide. */
#pragma once

#include <stdio.h>

#include "cli/verb.h"

void help_overview(FILE *f);
void help_group(FILE *f, const char *name); /* verbs with two words: "image" */
void help_verb(FILE *f, const struct verb *v);

/* "-t, --timeout=TIME", "    --rm" */
void help_spell_option(const struct opt *o, char *ret, size_t size);
/* "hospes stop [OPTION...] NAME..." */
void help_synopsis(const struct verb *v, char *ret, size_t size);

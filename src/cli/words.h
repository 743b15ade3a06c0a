// SPDX-License-Identifier: GPL-2.0-or-later
/* words: small things that verbs make from what was typed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"

/* "step,no-chain" to CPU_DEBUG_* bits. -EINVAL names the word that is none. */
int word_debug_bits(const char *list, uint32_t *ret, struct err *e);

/*
 * -e as typed: NAME=VALUE, or NAME alone for our own value (left out where we have none). A malloc'd,
 * NULL-ended array of strings that are borrowed from l and our environment. -EINVAL: no name.
 */
int word_env(const struct opt_list *l, const char ***ret, struct err *e);

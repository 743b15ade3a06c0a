// SPDX-License-Identifier: GPL-2.0-or-later
/* words: small things that verbs make from what was typed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A name for a guest that got none: "calm-otter". 1024 of them: the caller tries again when it is taken. */
void word_name(char *ret, size_t size);

/* "step,no-chain" to CPU_DEBUG_* bits. -EINVAL names the word that is none. */
int word_debug_bits(const char *list, uint32_t *ret, struct err *e);

// SPDX-License-Identifier: GPL-2.0-or-later
/* utc: a moment as text, by arithmetic alone: gmtime(3) reads the host's time zone first. */
#pragma once

#include <stdbool.h>
#include <time.h>

#define UTC_SIZE 40

/* "2026-11-24T22:30:00Z", with the fraction "2026-11-24T22:30:00.123456789Z" (RFC 3339). From 1970 on. */
void utc_text(struct timespec t, bool fraction, char ret[UTC_SIZE]);

/* Now, in whole seconds. */
void utc_now(char ret[UTC_SIZE]);

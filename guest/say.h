// SPDX-License-Identifier: GPL-2.0-or-later
/* say: one readable line on the guest's console: "hospes-init: ...". */
#pragma once

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say it and end. As init that is the kernel's panic, with this line above it. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

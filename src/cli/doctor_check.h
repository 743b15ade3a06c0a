// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor_check: what this host offers, one finding a question. Looks only; leaves nothing behind. */
#pragma once

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_MISSING };

struct finding {
    enum doctor_level level;
    char text[200];   /* what is there */
    char advice[200]; /* what to do about it; empty: nothing to do */
};

struct check {
    const char *name;
    void (*look)(struct finding *ret);
};
extern const struct check doctor_checks[]; /* a name of NULL ends */

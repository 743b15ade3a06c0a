// SPDX-License-Identifier: GPL-2.0-or-later
/* verbs: see verbs.h; in the order in which the help shows them. */
#include "cli/verbs.h"

const struct verb *const verbs[] = {
    &verb_doctor,
    &verb_man,
    &verb_completion,
    NULL,
};

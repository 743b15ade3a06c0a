// SPDX-License-Identifier: GPL-2.0-or-later
/* verbs: each of them, in the file of its name. */
#pragma once

#include "cli/verb.h"

extern const struct verb verb_run, verb_ps, verb_exec, verb_console, verb_logs, verb_inspect, verb_wait,
    verb_top;
extern const struct verb verb_stop, verb_kill, verb_start, verb_pause, verb_resume, verb_rm, verb_update,
    verb_restart, verb_fork, verb_snapshot, verb_restore;
extern const struct verb verb_image_build, verb_image_import, verb_image_ls, verb_image_inspect,
    verb_image_rm;
extern const struct verb verb_doctor, verb_man, verb_completion;

// SPDX-License-Identifier: GPL-2.0-or-later
/* join_command: see join_command.h. */
#include "cli/join_command.h"

#include <stdio.h>

#include "base/own.h"
#include "cli/attach.h"
#include "monitor/client.h"

int join_finish(const char *guest, int status, uint64_t timeout_ms, struct err *e)
{
    int rc = client_finish(guest, status, timeout_ms, e);
    return rc == -ESRCH || rc == -ENOENT ? 0 : rc; /* it has ended by itself */
}

int join_give_up(const char *guest, int rc)
{
    if (rc == -EINTR)
        client_remove(guest, true, NULL);
    else
        client_kill(guest, NULL);
    return rc;
}

int join_command(const struct join_command *j, struct err *e)
{
    OWN_FD fd = -1;
    char what[96];
    int status = 0;
    struct err trouble;
    int rc = client_attach(j->guest, &fd, e);
    if (rc == 0) {
        snprintf(what, sizeof(what), "guest %s", j->guest);
        const struct attach x = {.fd = fd, .input = j->input, .tty = j->tty, .what = what};
        rc = attach_run(&x, &status, e);
    }
    if (rc == -EINTR && status) { /* told to end: who told it knows */
        join_finish(j->guest, status, JOIN_TAKEDOWN_MS, &trouble);
        return status;
    }
    if (rc < 0)
        return j->keep ? (client_kill(j->guest, NULL), rc) : join_give_up(j->guest, rc);
    client_wait_gone(j->guest);
    return status;
}

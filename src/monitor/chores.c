// SPDX-License-Identifier: GPL-2.0-or-later
/* chores: see chores.h. */
#include "monitor/chores.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "base/file.h"
#include "base/log.h"

/* ---- the monitor's own signals: the host shuts down, say ---- */

static void on_signal(void *ctx, int fd, uint32_t events)
{
    struct requests *r = ctx;
    struct signalfd_siginfo s;
    (void)events;
    if (read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s) &&
        requests_stop(r, STOP_TIMEOUT_MS, "its monitor was asked to end", NULL) < 0)
        log_warn("asked to end, but the guest is %s", life_state_name(r->life.state));
}

int chores_watch_signals(struct loop *loop, struct requests *r, int *ret_fd, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (*ret_fd < 0)
        return err_sys(e, "signals");
    return loop_watch(loop, *ret_fd, EPOLLIN, on_signal, r, e);
}

/* ---- files ---- */

int chores_open_control(struct loop *loop, const struct guest_dir *d, struct requests *r,
                        struct control **ret, struct err *e)
{
    OWN_MEM char *path = guest_dir_run_file(d, "control");
    return path ? control_new(loop, path, requests_handle, r, ret, e)
                : err_code(e, -ENOMEM, "control socket");
}

/* In place: a temporary file beside it would be left in the run folder if we were killed now. */
int chores_write_pid(const struct guest_dir *d, struct err *e)
{
    char text[16];
    OWN_MEM char *path = guest_dir_run_file(d, "pid");
    OWN_FD fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (fd < 0 || file_write_all(fd, text, (size_t)n) < 0)
        return err_sys(e, "write %s", path ? path : "pid file");
    return 0;
}

int chores_record_start(const struct guest_dir *d, struct err *e)
{
    OWN(json_t) fields = json_pack("{s:s, s:o, s:n}", "state", "running", "started", guest_time(), "last");
    return guest_dir_record(d, fields, e);
}

void chores_record_end(const struct guest_dir *d, const struct requests *r)
{
    struct err e;
    OWN(json_t)
    fields =
        json_pack("{s:s, s:{s:s, s:s, s:o, s:i}}", "state", life_state_name(r->life.state), "last", "kind",
                  r->kind, "why", r->why, "ended", guest_time(), "status", requests_exit_status(r));
    if (guest_dir_record(d, fields, &e) < 0)
        log_warn("record of the end: %s", e.text);
}

void chores_remove_guest(struct guest_dir *d)
{
    struct err e;
    if (guest_dir_remove(d, &e) < 0)
        log_warn("remove guest %s: %s", d->name, e.text);
}

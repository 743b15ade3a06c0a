// SPDX-License-Identifier: GPL-2.0-or-later
/* run: see run.h. */
#include "monitor/run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "host/tty.h"
#include "monitor/engine_pick.h"
#include "monitor/parts.h"
#include "monitor/serial_tap.h"

#define LAST_WORDS_NS 5000000000u /* after "Kernel panic" the backtrace follows, or a reset */

struct run {
    pthread_mutex_t lock;
    struct loop *loop;
    struct parts parts;
    struct hub *hub;
    struct tty *tty;
    struct serial_tap tap;
    struct loop_timer panic;
    int signals;
    sigset_t old_mask;
    int status;
};

static void end(struct run *r, int status)
{
    r->status = status;
    parts_pause(&r->parts);
    loop_stop(r->loop);
}

/* ---- what the guest does ---- */

static void panicked(void *ctx)
{
    struct run *r = ctx;
    log_info("run: the guest's kernel panicked%s%s", r->tap.panic.why[0] ? ": " : "", r->tap.panic.why);
    end(r, 1);
}

/* A panic is told as one, also when the kernel resets the machine right after it, as panic=-1 makes it do. */
static void on_machine(void *ctx, enum machine_event event, const char *text)
{
    struct run *r = ctx;
    loop_timer_stop(&r->panic);
    if (event == MACHINE_PANIC || (r->tap.panic.seen != PANIC_NOT && event != MACHINE_ENGINE_FAILED)) {
        panicked(r);
        return;
    }
    bool fine = event == MACHINE_POWER_OFF || event == MACHINE_RESET;
    if (!fine)
        log_info("run: %s%s",
                 event == MACHINE_ENGINE_FAILED ? "the engine failed: " : "the guest ended: ", text);
    end(r, fine ? 0 : 1);
}

static void serial_news(void *ctx, enum panic_seen seen)
{
    struct run *r = ctx;
    loop_timer_arm(&r->panic, loop_now_ns() + (seen == PANIC_DONE ? 0 : LAST_WORDS_NS));
}

/* ---- what the user does ---- */

static void on_tty(void *ctx, enum tty_event event)
{
    struct run *r = ctx;
    if (event == TTY_LEFT)
        end(r, 0);
    else if (event == TTY_GONE)
        end(r, 128 + SIGPIPE);
}

static void on_signal(void *ctx, int fd, uint32_t events)
{
    struct run *r = ctx;
    struct signalfd_siginfo s;
    (void)events;
    if (read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s))
        end(r, 128 + (int)s.ssi_signo);
}

static int watch_signals(struct run *r, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &r->old_mask);
    r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (r->signals < 0)
        return err_sys(e, "signals");
    return loop_watch(r->loop, r->signals, EPOLLIN, on_signal, r, e);
}

/* ---- */

static int open_all(struct run *r, const struct guest_config *c, const struct engine_ops *engine,
                    struct err *e)
{
    const struct tty_config tty = {.in = STDIN_FILENO, .out = STDOUT_FILENO, .event = on_tty, .ctx = r};
    int rc = loop_new(&r->lock, &r->loop, e);
    if (rc < 0)
        return rc;
    loop_timer_init(&r->panic, r->loop, panicked, r);
    if ((rc = watch_signals(r, e)) < 0 || (rc = hub_new(r->loop, NULL, &r->hub, e)) < 0)
        return rc;
    serial_tap_insert(&r->tap, hub_port(r->hub), serial_news, r);
    if ((rc = parts_open(&r->parts, c, engine, NULL, r->loop, e)) < 0 ||
        (rc = parts_build(&r->parts, &r->lock, hub_port(r->hub), on_machine, r, e)) < 0)
        return rc;
    return tty_attach(r->hub, r->loop, &tty, &r->tty, e);
}

static int go(struct run *r, struct err *e)
{
    pthread_mutex_lock(&r->lock);
    int rc = machine_start(r->parts.machine, e);
    pthread_mutex_unlock(&r->lock);
    return rc < 0 ? rc : loop_run(r->loop, e);
}

/* The machine first: then the hub has all that it said, and passes it on. */
static void close_all(struct run *r)
{
    parts_close(&r->parts, &r->lock);
    if (r->loop) {
        pthread_mutex_lock(&r->lock);
        hub_free(r->hub);
        tty_detach(r->tty);
        pthread_mutex_unlock(&r->lock);
        loop_free(r->loop);
    }
    own_fd(&r->signals);
    sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

static void warn(const char *line)
{
    log_warn("%s", line);
}

int run_kernel(const struct guest_config *c, struct err *e)
{
    struct guest_config mine = *c;
    struct run r = {.signals = -1, .parts.image_hold = -1};
    const struct engine_ops *engine;
    OWN_MEM char *why = NULL;
    int rc;
    if (!mine.name)
        mine.name = "kernel";
    if ((rc = guest_check(&mine, e)) < 0 || (rc = guest_check_host(&mine, warn, e)) < 0 ||
        (rc = engine_pick(mine.engine, &engine, &why, e)) < 0)
        return rc;
    if (mine.image)
        return err_set(e, -EINVAL, "a guest with an image does not run in the foreground's own process");
    pthread_mutex_init(&r.lock, NULL);
    sigprocmask(SIG_SETMASK, NULL, &r.old_mask);
    rc = open_all(&r, &mine, engine, e);
    if (rc == 0 && why)
        log_info("%s", why);
    if (rc == 0)
        rc = go(&r, e);
    close_all(&r);
    return rc < 0 ? rc : r.status;
}

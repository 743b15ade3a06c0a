// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_machine: see oci_machine.h.
 *
 * The process joins the container's cgroups and network, makes the child that stands for the container's
 * process (oci_stand.h), gives up the standard streams, and builds the machine. When the child ends, so does
 * all. Threads: the loop's is the main one; vCPUs come in by serial_news only, under the board lock.
 */
#include "monitor/oci_machine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "host/hub.h"
#include "monitor/engine_pick.h"
#include "monitor/exec_proxy.h"
#include "monitor/oci_bundle.h"
#include "monitor/oci_place.h"
#include "monitor/oci_stand.h"
#include "monitor/parts.h"
#include "monitor/serial_tap.h"

#include "container/foreground.h"
#include "container/sync.h"

#define CONTROL     "machine" /* in the state's folder */
#define UP_NS       120000000000ull
#define SYNC_NS     5000000000ull /* for the guest to write what it has, after its process ended */
#define LAST_WORDS  2000000000ull
#define GONE_STATUS 137 /* of a machine that ended by itself, as of what was killed */

struct oci_machine {
    struct launch *l;
    struct guest_config guest;
    char hostname[65];
    pthread_mutex_t lock;
    struct loop *loop;
    struct hub *hub;
    struct serial_tap tap;
    struct oci_bundle bundle;
    struct share *share;
    struct parts parts;
    struct agent *agent;
    struct control *control;
    struct exec_host exec;
    struct loop_timer late; /* it does not come up, does not write, panicked */
    int signals, slave;
    pid_t stand;
    bool up, ending;
    int status;
    char why[256];
};

/* ---- the end ---- */

static void finished(void *ctx)
{
    struct oci_machine *m = ctx;
    parts_pause(&m->parts);
    loop_stop(m->loop);
}

static void synced(void *ctx, const struct err *e)
{
    (void)e;
    finished(ctx);
}

/* The last words of our init, which the kernel panics after: better than the kernel's. */
static bool last_words(const struct oci_machine *m, char *ret, size_t size)
{
    static const char by[] = "hospes-init: ";
    char path[64];
    OWN_MEM char *text = NULL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/serial.log", m->l->state_dir);
    if (m->up || file_read(path, LOGFILE_CAP * 2, &text, NULL, NULL) < 0)
        return false;
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, by)); at++)
        last = at;
    if (last)
        snprintf(ret, size, "%.*s", (int)strcspn(last, "\r\n"), last);
    return last != NULL;
}

/* The machine, not the process, came to its end. */
static void gone(struct oci_machine *m, const char *why)
{
    if (m->ending)
        return;
    m->ending = true;
    m->status = GONE_STATUS;
    char words[200];
    if (!last_words(m, words, sizeof(words)))
        snprintf(words, sizeof(words), "%s", why);
    snprintf(m->why, sizeof(m->why), "the machine ended: %s", words);
    log_warn("%s", m->why);
    finished(m);
}

static void too_late(void *ctx)
{
    struct oci_machine *m = ctx;
    if (m->ending)
        finished(m);
    else if (m->tap.panic.seen != PANIC_NOT)
        gone(m, m->tap.panic.why[0] ? m->tap.panic.why : "its kernel panicked");
    else
        gone(m, "its agent does not answer");
}

static void stand_ended(struct oci_machine *m, int status)
{
    m->ending = true;
    m->status = status;
    loop_timer_arm(&m->late, loop_now_ns() + (m->up ? SYNC_NS : 0));
    if (m->up && agent_sync(m->agent, synced, m, NULL) < 0)
        finished(m);
}

/* ---- what happens ---- */

static void on_machine(void *ctx, enum machine_event event, const char *text)
{
    struct oci_machine *m = ctx;
    static const char *const what[] = {
        [MACHINE_POWER_OFF] = "it was switched off",   [MACHINE_RESET] = "it was reset",
        [MACHINE_PANIC] = "its kernel panicked",       [MACHINE_TRIPLE_FAULT] = "triple fault",
        [MACHINE_ENGINE_FAILED] = "its engine failed",
    };
    gone(m, m->tap.panic.why[0] ? m->tap.panic.why : event == MACHINE_ENGINE_FAILED ? text : what[event]);
}

static void serial_news(void *ctx, enum panic_seen seen)
{
    struct oci_machine *m = ctx;
    if (seen != PANIC_NOT && !m->ending)
        loop_timer_arm(&m->late, loop_now_ns() + (seen == PANIC_DONE ? 0 : LAST_WORDS));
}

static void agent_up(void *ctx)
{
    struct oci_machine *m = ctx;
    m->up = true;
    loop_timer_stop(&m->late);
    if (m->l->start >= 0)
        (void)sync_send(m->l->sync, SYNC_READY, 0, NULL, -1);
    exec_host_up(&m->exec);
}

static void on_request(void *ctx, struct conn *c, json_t *request)
{
    struct oci_machine *m = ctx;
    struct err e;
    const char *what;
    int rc = json_get_string(request, "do", &what, &e);
    if (rc == 0 && strcmp(what, "exec") != 0)
        rc = err_set(&e, -EINVAL, "\"%s\" cannot be asked of a container's machine", what);
    if (rc == 0)
        rc = exec_proxy_new(&m->exec, c, request, &e);
    if (rc < 0)
        conn_error(c, &e);
}

static void reap(struct oci_machine *m)
{
    int status;
    if (m->stand <= 0 || waitpid(m->stand, &status, WNOHANG) != m->stand)
        return;
    m->stand = 0;
    if (!m->ending)
        stand_ended(m, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void on_signal(void *ctx, int fd, uint32_t events)
{
    struct oci_machine *m = ctx;
    struct signalfd_siginfo s;
    (void)events;
    if (read(fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
        return;
    if (s.ssi_signo == SIGCHLD)
        reap(m);
    else if (m->stand > 0)
        kill(m->stand, (int)s.ssi_signo);
}

/* ---- putting it together ---- */

static int watch_signals(struct oci_machine *m, struct err *e)
{
    sigset_t set = foreground_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signals < 0 ? err_sys(e, "signals") : loop_watch(m->loop, m->signals, EPOLLIN, on_signal, m, e);
}

static int open_hub(struct oci_machine *m, struct err *e)
{
    char path[64];
    struct logfile *log = NULL;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/serial.log", m->l->state_dir);
    int rc = logfile_open(path, LOGFILE_CAP, &log, e);
    if (rc == 0)
        rc = hub_new(m->loop, log, &m->hub, e);
    if (rc == 0)
        serial_tap_insert(&m->tap, hub_port(m->hub), serial_news, m);
    return rc;
}

static int open_control(struct oci_machine *m, struct err *e)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/" CONTROL, m->l->state_dir);
    m->exec = (struct exec_host){.loop = m->loop, .possible = true};
    return control_new(m->loop, path, on_request, m, &m->control, e);
}

/* The child is made while there is no thread yet. */
static int open_all(struct oci_machine *m, struct err *e)
{
    int rc = oci_bundle_make(m->l, &m->bundle, e);
    if (rc == 0)
        rc = loop_new(&m->lock, &m->loop, e);
    if (rc < 0)
        return rc;
    loop_timer_init(&m->late, m->loop, too_late, m);
    if ((rc = open_control(m, e)) < 0)
        return rc;
    m->stand = oci_stand(m->l, CONTROL, m->slave, e);
    if (m->stand < 0 || (rc = oci_place_leave(m->l, e)) < 0)
        return m->stand < 0 ? m->stand : rc;
    if ((rc = watch_signals(m, e)) < 0 || (rc = open_hub(m, e)) < 0)
        return rc;
    return share_new(OCI_BUNDLE_TAG, m->bundle.exports, m->bundle.nr, m->loop, &m->share, e);
}

static int build(struct oci_machine *m, const struct engine_ops *engine, struct err *e)
{
    int rc = parts_open(&m->parts, &m->guest, engine, NULL, m->loop, e);
    if (rc < 0)
        return rc;
    m->parts.share = share_port(m->share);
    rc = parts_build(&m->parts, &m->lock, hub_port(m->hub), on_machine, m, e);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = agent_new(m->parts.machine, m->loop, agent_up, m, &m->agent, e);
    m->exec.agent = m->agent;
    if (rc == 0)
        rc = machine_start(m->parts.machine, e);
    loop_timer_arm(&m->late, loop_now_ns() + UP_NS);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int run(struct oci_machine *m, struct err *e)
{
    const struct engine_ops *engine;
    OWN_MEM char *why = NULL;
    int rc = oci_place_guest(m->l, m->hostname, &m->guest, e);
    if (rc == 0)
        rc = engine_pick(m->guest.engine, &engine, &why, e);
    if (rc == 0)
        rc = oci_place_enter(m->l, &m->slave, e);
    if (rc == 0)
        rc = open_all(m, e);
    if (rc == 0)
        rc = build(m, engine, e);
    if (rc == 0)
        rc = loop_run(m->loop, e);
    return rc == 0 && m->why[0] ? err_set(e, -EIO, "%s", m->why) : rc;
}

static void tidy(struct oci_machine *m)
{
    if (m->stand > 0) {
        kill(m->stand, SIGKILL);
        (void)waitpid(m->stand, NULL, 0);
    }
    if (!m->loop)
        return;
    pthread_mutex_lock(&m->lock);
    loop_timer_stop(&m->late);
    struct err over;
    err_set(&over, -EPIPE, "the machine ended");
    exec_host_fail(&m->exec, &over);
    control_free(take(m->control));
    agent_free(take(m->agent));
    pthread_mutex_unlock(&m->lock);
    parts_close(&m->parts, &m->lock);
    pthread_mutex_lock(&m->lock);
    share_free(take(m->share));
    hub_free(take(m->hub));
    pthread_mutex_unlock(&m->lock);
    loop_free(take(m->loop));
}

void oci_machine_run(struct launch *l)
{
    struct oci_machine m = {.l = l, .signals = -1, .slave = -1, .status = 1, .parts.image_hold = -1};
    struct err e = {0};
    pthread_mutex_init(&m.lock, NULL);
    int rc = run(&m, &e);
    if (rc < 0)
        (void)sync_send(l->sync, SYNC_FAILED, e.code, e.text,
                        -1); /* nobody listens any more once it was up */
    tidy(&m);
    oci_bundle_fini(&m.bundle);
    free((void *)m.guest.append);
    _exit(m.status);
}

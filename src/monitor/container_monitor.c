// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_monitor: see container_monitor.h. The container runtime is called as a library: it makes the
 * processes and keeps their state; here their streams, their end and the guest's life cycle are looked after.
 *
 * Threads: one.
 */
#include "monitor/container_monitor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "container/container.h"
#include "container/words.h"
#include "monitor/chores.h"
#include "monitor/container_again.h"
#include "monitor/container_change.h"
#include "monitor/container_exec.h"
#include "monitor/container_files.h"
#include "monitor/container_hold.h"
#include "monitor/container_id.h"
#include "monitor/container_making.h"
#include "monitor/container_minds.h"
#include "monitor/container_stats.h"

#define NOBODY_CAME_NS 10000000000u /* for the client of a foreground run to join */

struct monitor {
    const struct monitor_config *c;
    const struct guest_config *guest; /* c's; once it runs again, later */
    struct guest_config later;
    pthread_mutex_t lock;
    struct loop *loop;
    struct console *console;
    struct control *control;
    struct requests requests;
    struct streams *streams; /* of its command */
    struct container_execs execs;
    struct container_net net;
    struct container_hold hold;
    struct loop_timer nobody;
    struct container_making making;
    struct container_again again;
    int signals;
    char *id, *states;
    bool reaped, awaited; /* awaited: nobody has come yet for the output, which is held back */
    pid_t pid;            /* of its first process; 0: there is none */
    uint64_t started_ns;
};

/* ---- what the life cycle does ---- */

static int start(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    return container_start(m->states, m->id, e);
}

static int freeze(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    return container_hold_pause(&m->hold, true, e);
}

static int thaw(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    return container_hold_pause(&m->hold, false, e);
}

/* The kernel keeps a signal that would end it from a namespace's first process, unless that one handles it.
 */
static int ask_to_end(struct monitor *m, int number, struct err *e)
{
    bool deaf = !m->guest->container.host_pid && !container_minds(m->pid, number);
    return container_kill(m->states, m->id, deaf ? SIGKILL : number, false, e);
}

static int ask(void *ctx, struct err *e)
{
    struct err trouble;
    struct monitor *m = ctx;
    if (!m->pid) { /* it waits to run again */
        loop_timer_arm(&m->again.timer, 0);
        return 0;
    }
    if (m->awaited) /* nobody will, so its end cannot wait for its output */
        loop_timer_arm(&m->nobody, 0);
    const char *said = m->guest->container.stop_signal;
    int rc = ask_to_end(m, said ? signal_number(said) : SIGTERM, &trouble);
    return rc < 0 && rc != -ESRCH ? err_set(e, rc, "%s", trouble.text) : 0;
}

static int unplug(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    (void)e;
    if (!m->reaped)
        (void)container_kill(m->states, m->id, SIGKILL, false, NULL);
    loop_stop(m->loop);
    return 0;
}

static const struct life_actions actions = {start, freeze, thaw, ask, unplug, unplug, unplug};

/* ---- its command ---- */

static void remove_container(struct monitor *m);

/* It has ended and is to run once more, a little later. */
static void run_again(struct monitor *m)
{
    container_hold_end(&m->hold);
    container_execs_free(&m->execs);
    streams_free(take(m->streams));
    container_net_close(&m->net);
    remove_container(m);
    m->pid = 0;
    loop_timer_arm(&m->again.timer, loop_now_ns() + m->again.delay_ns);
}

static const char *why_ended(const struct monitor *m, int status)
{
    bool killed = status == 128 + SIGKILL;
    return killed && container_ran_out_of_memory(m->states, m->id) ? "its command was killed: out of memory"
                                                                   : COMMAND_ENDED;
}

static void command_ended(void *ctx, struct streams *s, int status)
{
    struct monitor *m = ctx;
    (void)s;
    m->reaped = true;
    m->requests.status = status;
    if (m->requests.life.state == LIFE_RUNNING && container_again_wanted(&m->again, status))
        run_again(m);
    else
        requests_event(&m->requests, LIFE_POWER_OFF, "power-off", why_ended(m, status));
}

static void command_signal(void *ctx, int number)
{
    struct monitor *m = ctx;
    bool ends = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
    int rc = ends ? ask_to_end(m, number, NULL) : container_kill(m->states, m->id, number, false, NULL);
    if (rc < 0)
        log_warn("signal %d did not reach the container's command", number);
}

static void nobody_came(void *ctx)
{
    struct monitor *m = ctx;
    if (!streams_attached(m->streams))
        requests_event(&m->requests, LIFE_KILL, "killed", "nobody came for its command's output");
}

/* Watchers of the console write here. */
static size_t console_input(void *dev, const void *buf, size_t len)
{
    struct monitor *m = dev;
    return m->streams ? streams_input(m->streams, buf, len) : len;
}

static void console_drained(void *dev)
{
    struct monitor *m = dev;
    if (m->streams)
        streams_more(m->streams);
}

static void console_resize(void *dev, unsigned cols, unsigned rows)
{
    struct monitor *m = dev;
    if (m->streams)
        streams_resize(m->streams, cols, rows);
}

/* ---- requests ---- */

static json_t *address_json(const struct container_net *n)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &n->address, text, sizeof(text));
    return n->address.s_addr ? json_string(text) : json_null();
}

static json_t *describe(void *ctx, enum describe how)
{
    struct monitor *m = ctx;
    json_t *j = json_pack("{s:s, s:s, s:i, s:n, s:n, s:b, s:i, s:i}", "name", m->c->dir->name, "state",
                          life_state_name(m->requests.life.state), "pid", (int)getpid(), "engine", "disk",
                          "agent", 0, "init", (int)m->pid, "restarts", (int)m->again.times);
    json_object_set_new(j, "net", json_string(guest_net_name(m->net.is)));
    json_object_set_new(j, "address", address_json(&m->net));
    if (how != DESCRIBE_STATUS)
        json_object_set_new(j, "stats", container_stats(m->states, m->id, m->started_ns));
    return j;
}

static int do_exec(void *ctx, struct conn *c, json_t *request, struct err *e)
{
    struct monitor *m = ctx;
    int rc = container_hold_check(&m->hold, e);
    return rc < 0 ? rc : container_exec_new(&m->execs, c, request, e);
}

static int do_console(void *ctx, struct conn *c, struct err *e)
{
    struct monitor *m = ctx;
    return console_attach(m->console, c, e);
}

static int do_attach(void *ctx, struct conn *c, struct err *e)
{
    struct monitor *m = ctx;
    int rc = m->streams ? streams_attach(m->streams, c, e) : err_set(e, -EBUSY, "it waits to run again");
    if (rc == 0) {
        loop_timer_stop(&m->nobody);
        m->awaited = false;
    }
    return rc;
}

static int do_hold(void *ctx, struct conn *c, struct err *e)
{
    struct monitor *m = ctx;
    if (!m->pid)
        return err_set(e, -EAGAIN, "it waits to run again");
    return container_hold(&m->hold, c, m->requests.life.state == LIFE_PAUSED, e);
}

static int do_update(void *ctx, const json_t *request, struct err *e)
{
    struct monitor *m = ctx;
    const struct container_change c = {.dir = m->c->dir,
                                       .states = m->states,
                                       .id = m->id,
                                       .pid = m->pid,
                                       .ports = &container_net_ports,
                                       .net = &m->net};
    return container_change(&c, request, e);
}

static int do_signal(void *ctx, int number, struct err *e)
{
    struct monitor *m = ctx;
    if (!m->pid)
        return err_set(e, -EBUSY, "it waits to run again");
    return container_kill(m->states, m->id, number, false, e);
}

static const struct requests_ops requests_ops = {.describe = describe,
                                                 .exec = do_exec,
                                                 .console = do_console,
                                                 .attach = do_attach,
                                                 .signal = do_signal,
                                                 .hold = do_hold,
                                                 .update = do_update};

/* ---- making the container ---- */

static int make_process(struct monitor *m, struct err *e)
{
    const struct guest_container *k = &m->guest->container;
    struct streams_config s = {.loop = m->loop,
                               .tty = k->tty,
                               .console = m->console,
                               .held = !m->guest->detach,
                               .told_later = true,
                               .signal = command_signal,
                               .ended = command_ended,
                               .ctx = m};
    int rc = container_making_process(&m->making, &s.fd, &m->pid, e);
    if (rc < 0)
        return rc;
    s.pid = m->pid;
    m->reaped = false;
    m->execs.shell = m->making.shell;
    return streams_new(&s, &m->streams, e);
}

/* Its address may be known only when its network is there, hence the files twice. */
static int make_container(struct monitor *m, struct err *e)
{
    const struct guest_config *g = m->guest;
    int rc;
    if ((rc = container_net_prepare(&m->net, g, m->making.rootless, e)) < 0 ||
        (rc = container_files_write(m->c->dir, g, &m->net, e)) < 0 ||
        (rc = container_making_config(&m->making, m->net.joined, e)) < 0 || (rc = make_process(m, e)) < 0 ||
        (rc = container_net_open(&m->net, g, m->id, m->pid, m->loop, e)) < 0)
        return rc;
    return container_files_write(m->c->dir, g, &m->net, e);
}

/* As `update` has left it. */
static int reload(struct monitor *m, struct err *e)
{
    struct guest_config c;
    OWN(json_t) about = NULL;
    int rc;
    if ((rc = guest_dir_load(m->c->dir, &about, e)) < 0 || (rc = guest_parse(about, &c, e)) < 0)
        return rc;
    guest_fini(&m->later);
    m->later = c;
    m->later.name = m->c->dir->name;
    m->guest = m->making.guest = &m->later;
    return 0;
}

/* The delay is over; or a stop came meanwhile. */
static void again(void *ctx)
{
    struct monitor *m = ctx;
    struct err e;
    if (m->requests.life.state != LIFE_RUNNING) {
        requests_event(&m->requests, LIFE_POWER_OFF, "power-off", COMMAND_ENDED);
        return;
    }
    m->started_ns = m->again.began_ns = loop_now_ns();
    int rc = reload(m, &e);
    if (rc == 0)
        rc = make_container(m, &e);
    if (rc == 0)
        rc = container_start(m->states, m->id, &e);
    if (rc < 0)
        requests_event(&m->requests, LIFE_ENGINE_FAILED, "failed", e.text);
}

/* ---- building up ---- */

static int open_console(struct monitor *m, struct err *e)
{
    OWN_MEM char *path = guest_dir_file(m->c->dir, "serial.log");
    int rc = path ? console_open(m->loop, path, &m->console, e) : err_code(e, -ENOMEM, "console");
    if (rc < 0)
        return rc;
    struct char_port *port = console_port(m->console);
    port->receive = console_input;
    port->drained = console_drained;
    port->resize = console_resize;
    port->dev = m;
    return 0;
}

static int open_all(struct monitor *m, struct err *e)
{
    const struct monitor_config *c = m->c;
    int rc;
    m->id = container_id(c->dir);
    m->states = container_states(c->dir);
    m->hold = (struct container_hold){.states = m->states, .id = m->id};
    if (!m->id || !m->states)
        return err_code(e, -ENOMEM, "guest %s", c->dir->name);
    m->making.id = m->id;
    m->making.states = m->states;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if ((rc = chores_write_pid(c->dir, e)) < 0 || (rc = loop_new(&m->lock, &m->loop, e)) < 0)
        return rc;
    requests_init(&m->requests, m->loop, &actions, &requests_ops, m);
    loop_timer_init(&m->nobody, m->loop, nobody_came, m);
    container_again_init(&m->again, c->guest);
    loop_timer_init(&m->again.timer, m->loop, again, m);
    if ((rc = chores_watch_signals(m->loop, &m->requests, &m->signals, e)) < 0 ||
        (rc = open_console(m, e)) < 0 || (rc = container_making_open(&m->making, e)) < 0 ||
        (rc = make_container(m, e)) < 0)
        return rc;
    m->execs = (struct container_execs){.loop = m->loop,
                                        .states = m->states,
                                        .id = m->id,
                                        .root = m->making.root,
                                        .shell = m->making.shell,
                                        .run = c->dir->run};
    return chores_open_control(m->loop, c->dir, &m->requests, &m->control, e);
}

/* Before the loop runs, which takes such signals up. */
static bool asked_to_end(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && sigismember(&set, SIGTERM);
}

static int begin(struct monitor *m, struct err *e)
{
    int rc = open_all(m, e);
    m->started_ns = m->again.began_ns = loop_now_ns();
    if (rc == 0 && asked_to_end())
        rc = err_set(e, -EINTR, "asked to end");
    if (rc < 0 || (rc = chores_record_start(m->c->dir, e)) < 0)
        return rc;
    if ((m->awaited = !m->guest->detach))
        loop_timer_arm(&m->nobody, m->started_ns + NOBODY_CAME_NS);
    return life_event(&m->requests.life, LIFE_START, e);
}

/* ---- the end ---- */

static void reap(struct monitor *m)
{
    int status;
    if (m->reaped || !m->pid || waitpid(m->pid, &status, 0) != m->pid)
        return;
    m->reaped = true;
    m->requests.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All of its processes, its cgroups and the runtime's state of it. */
static void remove_container(struct monitor *m)
{
    struct err e;
    if (m->id && m->states && container_delete(m->states, m->id, true, &e) < 0)
        log_warn("%s", e.text);
    reap(m);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ; /* commands of `exec`, which ended with it */
}

static void close_all(struct monitor *m)
{
    if (m->loop) {
        pthread_mutex_lock(&m->lock);
        loop_timer_stop(&m->nobody);
        loop_timer_stop(&m->again.timer);
        loop_timer_stop(&m->requests.deadline);
        container_hold_end(&m->hold);
        container_execs_free(&m->execs);
        streams_free(take(m->streams));
        container_net_close(&m->net);
        control_free(take(m->control));
        console_close(take(m->console));
        pthread_mutex_unlock(&m->lock);
        loop_free(take(m->loop));
    }
    container_making_close(&m->making);
    guest_fini(&m->later);
    own_fd(&m->signals);
    free(m->id);
    free(m->states);
}

static void run(struct monitor *m)
{
    struct err e;
    while (!life_ended(m->requests.life.state))
        if (loop_run(m->loop, &e) < 0)
            requests_event(&m->requests, LIFE_ENGINE_FAILED, "failed", e.text);
}

/* Who waits is told when nothing can be seen of a fleeting container; its files, which may take a busy disk a
 * while, go after that. */
static void finish(struct monitor *m)
{
    remove_container(m);
    container_making_unmount(&m->making);
    if (m->guest->rm)
        guest_dir_forget(m->c->dir);
    else
        chores_record_end(m->c->dir, &m->requests);
    pthread_mutex_lock(&m->lock);
    streams_fail(m->streams, m->requests.status < 0 ? 125 : m->requests.status);
    container_execs_free(&m->execs);
    requests_ended(&m->requests);
    pthread_mutex_unlock(&m->lock);
}

int container_monitor_run(const struct monitor_config *c)
{
    struct monitor m = {.c = c,
                        .guest = c->guest,
                        .signals = -1,
                        .making = {.dir = c->dir, .guest = c->guest, .image_hold = -1},
                        .net = CONTAINER_NET_NONE};
    struct err e;
    pthread_mutex_init(&m.lock, NULL);
    int rc = begin(&m, &e);
    if (rc == 0) {
        c->ready(c->ctx, NULL);
        run(&m);
        finish(&m);
    } else {
        remove_container(&m);
    }
    close_all(&m);
    if (rc < 0 ? c->fresh : c->guest->rm)
        chores_remove_guest(c->dir);
    guest_dir_unlock(c->dir);
    if (rc < 0)
        c->ready(c->ctx, &e);
    return rc < 0;
}

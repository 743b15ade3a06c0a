// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * monitor: see monitor.h. The loop runs once for each machine: a guest that reboots gets a new one, while
 * clients, console and network stay.
 *
 * Threads: the loop's is the main one; vCPUs come in by serial_news only, under the board lock.
 */
#include "monitor/monitor.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "monitor/chores.h"
#include "monitor/command.h"
#include "monitor/console.h"
#include "monitor/exec_proxy.h"
#include "monitor/fork_child.h"
#include "monitor/fork_job.h"
#include "monitor/guest_change.h"
#include "monitor/parts.h"
#include "monitor/requests.h"
#include "monitor/serial_tap.h"
#include "monitor/stats.h"

#define LAST_WORDS_NS                                                                                        \
    5000000000u               /* a panicking kernel writes its backtrace, and resets if it was told to       \
                               */
#define ANSWER_NS 3000000000u /* an agent that does not answer in this time shares its kernel's fate */

struct monitor {
    const struct monitor_config *c;
    pthread_mutex_t lock;
    struct loop *loop;
    struct parts parts;
    struct console *console;
    struct serial_tap tap;
    struct requests requests;
    struct control *control;
    struct exec_host exec;
    struct agent *agent;
    struct command *command; /* the guest's own, of a detached run */
    struct loop_timer panic; /* a panic was read: believe it when this fires */
    bool panic_asked;        /* the agent was asked whether it is true */
    bool again;              /* the guest rebooted: another machine */
    int signals;
    struct stats_times times;
    struct fork_job fork;
    struct monitor_config forked; /* what c points to in a fork */
};

/* ---- what the life cycle does ---- */

static int start(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    return machine_start(m->parts.machine, e);
}

static int freeze(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    (void)e;
    parts_pause(&m->parts);
    return 0;
}

/* The guest's clock stood still: its agent sets it right. */
static int thaw(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    struct timespec now;
    int rc = machine_start(m->parts.machine, e);
    if (rc < 0 || !m->agent || !agent_is_up(m->agent))
        return rc;
    clock_gettime(CLOCK_REALTIME, &now);
    agent_set_time(m->agent, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, NULL, NULL, NULL);
    return 0;
}

static int ask(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    (void)e;
    if (!m->agent || !agent_is_up(m->agent) || agent_shutdown(m->agent, false, NULL, NULL, NULL) < 0)
        machine_power_button(m->parts.machine);
    return 0;
}

static int unplug(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    (void)e;
    parts_pause(&m->parts);
    loop_stop(m->loop);
    return 0;
}

static int restart(void *ctx, struct err *e)
{
    struct monitor *m = ctx;
    (void)e;
    m->again = true;
    loop_stop(m->loop);
    return 0;
}

static const struct life_actions actions = {start, freeze, thaw, ask, unplug, restart, .bury = unplug};

/* ---- what the guest does ---- */

static void panicked(struct monitor *m, const char *text)
{
    char why[256];
    loop_timer_stop(&m->panic);
    if (m->tap.panic.seen != PANIC_NOT)
        snprintf(why, sizeof(why), "kernel panic: %s", m->tap.panic.why);
    else
        snprintf(why, sizeof(why), "%s", text);
    requests_event(&m->requests, LIFE_PANIC, "panic", why);
}

static void on_machine(void *ctx, enum machine_event event, const char *text)
{
    static const struct {
        enum life_event event;
        const char *kind;
    } means[] = {
        [MACHINE_POWER_OFF] = {LIFE_POWER_OFF, "power-off"},
        [MACHINE_RESET] = {LIFE_RESET, "reset"},
        [MACHINE_PANIC] = {LIFE_PANIC, "panic"},
        [MACHINE_TRIPLE_FAULT] = {LIFE_TRIPLE_FAULT, "triple-fault"},
        [MACHINE_ENGINE_FAILED] = {LIFE_ENGINE_FAILED, "engine-failed"},
    };
    struct monitor *m = ctx;
    if (event == MACHINE_PANIC || (m->tap.panic.seen != PANIC_NOT && event != MACHINE_ENGINE_FAILED))
        panicked(m, text); /* a reset right after a panic is the panic's */
    else
        requests_event(&m->requests, means[event].event, means[event].kind, text);
}

/* The agent lives, so it was a program that wrote the words. */
static void panic_denied(void *ctx, const struct err *e)
{
    struct monitor *m = ctx;
    if (e)
        return;
    loop_timer_stop(&m->panic);
    m->tap.panic.seen = PANIC_NOT;
    log_info("something in the guest wrote that its kernel panicked, but it goes on");
}

static void panic_due(void *ctx)
{
    struct monitor *m = ctx;
    bool runs = m->requests.life.state == LIFE_RUNNING || m->requests.life.state == LIFE_STOPPING;
    if (!runs) {
        loop_timer_arm(&m->panic, loop_now_ns() + LAST_WORDS_NS);
        return;
    }
    bool ask_first = m->agent && agent_is_up(m->agent) && !m->panic_asked;
    if (ask_first && agent_sync(m->agent, panic_denied, m, NULL) == 0) {
        m->panic_asked = true;
        loop_timer_arm(&m->panic, loop_now_ns() + ANSWER_NS);
        return;
    }
    panicked(m, "");
}

static void serial_news(void *ctx, enum panic_seen seen)
{
    struct monitor *m = ctx;
    m->panic_asked = false;
    loop_timer_arm(&m->panic, loop_now_ns() + (seen == PANIC_DONE ? 0 : LAST_WORDS_NS));
}

/* ---- the agent ---- */

static void command_ended(void *ctx, int status)
{
    struct monitor *m = ctx;
    log_info("the guest's command ended with status %d", status);
    m->requests.status = status;
    requests_stop(&m->requests, STOP_TIMEOUT_MS, COMMAND_ENDED, NULL);
}

static void start_command(struct monitor *m)
{
    const struct guest_config *g = m->c->guest;
    struct err e;
    if (!g->detach || !g->argv || m->command)
        return;
    if (command_start(m->agent, m->loop, g, m->console, command_ended, m, &m->command, &e) == 0)
        return;
    log_warn("%s", e.text);
    command_ended(m, 126);
}

static void agent_up(void *ctx)
{
    struct monitor *m = ctx;
    log_info("the agent in the guest is up");
    if (m->requests.life.state == LIFE_STOPPING) {
        ask(m, NULL);
        return;
    }
    start_command(m);
    exec_host_up(&m->exec);
}

/* ---- requests ---- */

static json_t *describe(void *ctx, enum describe how)
{
    struct monitor *m = ctx;
    json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:I, s:b}", "name", m->c->dir->name, "state",
                          life_state_name(m->requests.life.state), "pid", (int)getpid(), "engine",
                          m->c->engine->name, "disk", (json_int_t)parts_disk_bytes(&m->parts), "agent",
                          m->agent && agent_is_up(m->agent));
    if (how != DESCRIBE_STATUS && m->parts.machine)
        json_object_set_new(j, "stats", stats_json(m->parts.machine, &m->times, how == DESCRIBE_ALL));
    return j;
}

static int do_exec(void *ctx, struct conn *c, json_t *request, struct err *e)
{
    struct monitor *m = ctx;
    return exec_proxy_new(&m->exec, c, request, e);
}

static int do_console(void *ctx, struct conn *c, struct err *e)
{
    struct monitor *m = ctx;
    return console_attach(m->console, c, e);
}

static int do_update(void *ctx, const json_t *request, struct err *e)
{
    struct monitor *m = ctx;
    OWN_CHANGE c = {0};
    int rc = guest_change_parse(m->c->dir, request, &c, e);
    return rc < 0 ? rc : guest_change_ports(&c, m->c->dir, &parts_ports, m->parts.net, e);
}

static int do_fork(void *ctx, struct conn *c, const json_t *request, struct err *e)
{
    struct monitor *m = ctx;
    return fork_job_start(&m->fork, c, request, m->requests.life.state == LIFE_PAUSED, e);
}

/* ---- a fork: this process is the new guest's monitor from here on ---- */

static int forked_files(struct monitor *m, const char *origin, struct err *e)
{
    int rc;
    if ((rc = fork_child_streams(m->c->dir, e)) < 0 || (rc = chores_write_pid(m->c->dir, e)) < 0 ||
        (rc = fork_child_console(m->console, m->c->dir, e)) < 0 ||
        (rc = fork_child_record(m->c->dir, origin, e)) < 0)
        return rc;
    return chores_open_control(m->loop, m->c->dir, &m->requests, &m->control, e);
}

/* Its random numbers and its clock. */
static void forked_agent(struct monitor *m, const struct fork_new *n)
{
    if (!n->keep_identity && m->agent && agent_is_up(m->agent))
        fork_child_renew(m->agent);
}

/* Its processors first: they need the board lock only when they meet a device. */
static int become(void *ctx, struct fork_new *n, uint64_t *ret_first_ns, struct err *e)
{
    struct monitor *m = ctx;
    struct guest_dir *before = m->c->dir;
    int rc = machine_after_fork(m->parts.machine, e);
    forked_agent(m, n);
    if (rc < 0 || (!n->paused && (rc = machine_start(m->parts.machine, e)) < 0))
        return rc;
    *ret_first_ns = loop_now_ns();
    m->forked = *m->c;
    m->forked.dir = n->dir;
    m->forked.guest = n->config;
    m->forked.fresh = false;
    m->c = &m->forked;
    m->fork.config = n->config;
    m->times = (struct stats_times){.started_ns = *ret_first_ns};
    own_fd(&before->lock);
    before->lock = -1;
    control_abandon(take(m->control));
    if ((rc = fork_child_parts(&m->parts, n, e)) < 0)
        return rc;
    return forked_files(m, before->name, e);
}

static const struct requests_ops requests_ops = {
    .describe = describe, .exec = do_exec, .console = do_console, .fork = do_fork, .update = do_update};

/* ---- building up ---- */

static int open_console(struct monitor *m, struct err *e)
{
    OWN_MEM char *path = guest_dir_file(m->c->dir, "serial.log");
    return path ? console_open(m->loop, path, &m->console, e) : err_code(e, -ENOMEM, "console");
}

static int build(struct monitor *m, struct err *e)
{
    int rc = parts_build(&m->parts, &m->lock, console_port(m->console), on_machine, m, e);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    if (m->parts.image)
        rc = agent_new(m->parts.machine, m->loop, agent_up, m, &m->agent, e);
    m->exec.agent = m->agent;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static void unbuild(struct monitor *m)
{
    pthread_mutex_lock(&m->lock);
    loop_timer_stop(&m->panic);
    command_free(take(m->command));
    m->exec.agent = NULL;
    agent_free(take(m->agent));
    if (m->parts.machine)
        stats_times_keep(&m->times, m->parts.machine);
    pthread_mutex_unlock(&m->lock);
    parts_unbuild(&m->parts, &m->lock);
    m->tap.panic = (struct panic_watch){0};
}

static int open_all(struct monitor *m, struct err *e)
{
    const struct guest_config *g = m->c->guest;
    OWN_MEM char *disk = guest_dir_file(m->c->dir, "disk");
    int rc;
    if (!disk)
        return err_code(e, -ENOMEM, "guest %s", m->c->dir->name);
    if ((rc = chores_write_pid(m->c->dir, e)) < 0 || (rc = loop_new(&m->lock, &m->loop, e)) < 0)
        return rc;
    requests_init(&m->requests, m->loop, &actions, &requests_ops, m);
    loop_timer_init(&m->panic, m->loop, panic_due, m);
    fork_job_init(&m->fork, m->loop, &m->parts, g, become, m);
    m->exec = (struct exec_host){.loop = m->loop, .possible = g->image != NULL};
    if ((rc = chores_watch_signals(m->loop, &m->requests, &m->signals, e)) < 0 ||
        (rc = open_console(m, e)) < 0)
        return rc;
    serial_tap_insert(&m->tap, console_port(m->console), serial_news, m);
    if ((rc = parts_open(&m->parts, g, m->c->engine, g->image ? disk : NULL, m->loop, e)) < 0 ||
        (rc = build(m, e)) < 0)
        return rc;
    return chores_open_control(m->loop, m->c->dir, &m->requests, &m->control, e);
}

static int begin(struct monitor *m, struct err *e)
{
    int rc = open_all(m, e);
    m->times.started_ns = loop_now_ns();
    if (rc < 0 || (rc = chores_record_start(m->c->dir, e)) < 0)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = life_event(&m->requests.life, LIFE_START, e);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* ---- the end ---- */

static void close_all(struct monitor *m)
{
    if (!m->loop)
        return;
    unbuild(m);
    parts_close(&m->parts, &m->lock);
    pthread_mutex_lock(&m->lock);
    control_free(take(m->control));
    console_close(take(m->console));
    loop_timer_stop(&m->requests.deadline);
    pthread_mutex_unlock(&m->lock);
    loop_free(take(m->loop));
    own_fd(&m->signals);
}

/* The guest rebooted. Clients were heard in between: it may be paused, stopping or ended by now. */
static int next_machine(struct monitor *m, struct err *e)
{
    unbuild(m);
    if (m->requests.life.state == LIFE_STOPPING)
        requests_event(&m->requests, LIFE_POWER_OFF, NULL, NULL); /* it is down */
    if (life_ended(m->requests.life.state))
        return 0;
    int rc = build(m, e);
    if (rc < 0 || m->requests.life.state != LIFE_RUNNING)
        return rc;
    pthread_mutex_lock(&m->lock);
    rc = machine_start(m->parts.machine, e);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* A machine after another; why it ended is in m->requests. */
static void run_machines(struct monitor *m)
{
    struct err e;
    while (!life_ended(m->requests.life.state)) {
        int rc = loop_run(m->loop, &e);
        if (rc == 0 && m->again) {
            m->again = false;
            rc = next_machine(m, &e);
        }
        if (rc < 0)
            requests_event(&m->requests, LIFE_ENGINE_FAILED, "failed", e.text);
    }
}

/* Disks are written before the end is recorded, and that is before anybody is told. */
static void finish(struct monitor *m)
{
    struct err why;
    err_set(&why, -EPIPE, "the guest ended: %s", m->requests.why);
    pthread_mutex_lock(&m->lock);
    fork_job_fini(&m->fork);
    pthread_mutex_unlock(&m->lock);
    unbuild(m);
    chores_record_end(m->c->dir, &m->requests);
    pthread_mutex_lock(&m->lock);
    exec_host_fail(&m->exec, &why);
    requests_ended(&m->requests);
    pthread_mutex_unlock(&m->lock);
    close_all(m);
}

int monitor_run(const struct monitor_config *c)
{
    struct monitor m = {.c = c, .signals = -1, .parts.image_hold = -1};
    struct err e;
    pthread_mutex_init(&m.lock, NULL);
    if (c->engine_why)
        log_info("%s", c->engine_why);
    int rc = begin(&m, &e);
    if (rc == 0) {
        c->ready(c->ctx, NULL);
        run_machines(&m);
        finish(&m);
    } else {
        close_all(&m);
    }
    c = m.c; /* of a fork, maybe */
    if (rc < 0 ? c->fresh : c->guest->rm)
        chores_remove_guest(c->dir);
    guest_dir_unlock(c->dir);
    if (rc < 0)
        c->ready(c->ctx, &e);
    return rc < 0;
}

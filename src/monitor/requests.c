// SPDX-License-Identifier: GPL-2.0-or-later
/* requests: see requests.h. */
#include "monitor/requests.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define STOP_TIMEOUT_MAX_MS 86400000u

/* ---- those who wait for the end ---- */

struct waiter {
    struct requests *requests;
    struct waiter *next;
    struct conn *conn;
};

static void free_waiter(struct waiter *w)
{
    for (struct waiter **p = &w->requests->waiters; *p; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            break;
        }
    free(w);
}

static bool ignore(void *ctx, const struct frame *f)
{
    (void)ctx, (void)f;
    return true;
}

static void waiter_left(void *ctx)
{
    free_waiter(ctx);
}

static const struct conn_ops waiter_ops = {.frame = ignore, .closed = waiter_left};

static int add_waiter(struct requests *r, struct conn *c, struct err *e)
{
    struct waiter *w = calloc(1, sizeof(*w));
    if (!w)
        return err_code(e, -ENOMEM, "wait");
    *w = (struct waiter){.requests = r, .next = r->waiters, .conn = c};
    r->waiters = w;
    conn_attach(c, &waiter_ops, w);
    return 0;
}

int requests_exit_status(const struct requests *r)
{
    if (r->status >= 0)
        return r->status;
    bool orderly = r->kind && (!strcmp(r->kind, "power-off") || !strcmp(r->kind, "stopped"));
    return orderly ? 0 : 125;
}

void requests_ended(struct requests *r)
{
    while (r->waiters) {
        struct waiter *w = r->waiters;
        bool pulled = r->kind && !strcmp(r->kind, "pulled");
        conn_reply(w->conn, json_pack("{s:s, s:s, s:i, s:b}", "state", life_state_name(r->life.state), "why",
                                      r->why, "status", requests_exit_status(r), "pulled", pulled));
        conn_finish(w->conn);
        free_waiter(w);
    }
}

/* ---- life ---- */

void requests_event(struct requests *r, enum life_event event, const char *kind, const char *why)
{
    struct err e;
    bool asked = r->life.state == LIFE_STOPPING;
    if (asked && (event == LIFE_POWER_OFF || event == LIFE_RESET)) {
        kind = "stopped";
        why = r->stop_why;
    }
    int rc = life_event(&r->life, event, &e);
    if (rc == -EBUSY)
        return; /* it ended otherwise just before */
    if (rc < 0) {
        kind = "failed";
        why = e.text;
    }
    if (!life_ended(r->life.state))
        return;
    loop_timer_stop(&r->deadline);
    r->kind = kind;
    snprintf(r->why, sizeof(r->why), "%s", why);
    log_info("the guest is %s: %s", life_state_name(r->life.state), why);
}

static void time_up(void *ctx)
{
    requests_event(ctx, LIFE_TIME_UP, "pulled", "it did not shut down in time, so its plug was pulled");
}

/* Asking again can only shorten the time. */
int requests_stop(struct requests *r, uint64_t timeout_ms, const char *why, struct err *e)
{
    bool again = r->life.state == LIFE_STOPPING;
    int rc = life_event(&r->life, LIFE_STOP, e);
    if (rc < 0)
        return rc;
    if (!again)
        r->stop_why = why;
    uint64_t deadline_ns = loop_now_ns() + timeout_ms * 1000000u;
    if (!again || deadline_ns < r->deadline.deadline_ns)
        loop_timer_arm(&r->deadline, deadline_ns);
    return 0;
}

/* ---- requests ---- */

static int do_status(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request, (void)e;
    conn_reply(c, r->ops->describe(r->ctx, DESCRIBE_STATUS));
    return 0;
}

static int do_stats(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request, (void)e;
    conn_reply(c, r->ops->describe(r->ctx, DESCRIBE_STATS));
    return 0;
}

static int do_inspect(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request, (void)e;
    conn_reply(c, r->ops->describe(r->ctx, DESCRIBE_ALL));
    return 0;
}

static int change(struct requests *r, struct conn *c, enum life_event event, struct err *e)
{
    int rc = life_event(&r->life, event, e);
    if (rc == 0)
        conn_ok(c);
    return rc;
}

static int do_pause(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    return change(r, c, LIFE_PAUSE, e);
}

static int do_resume(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    return change(r, c, LIFE_RESUME, e);
}

static int do_stop(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    uint64_t timeout_ms, status;
    int rc;
    if ((rc = json_opt_uint(request, "timeout_ms", STOP_TIMEOUT_MS, 0, STOP_TIMEOUT_MAX_MS, &timeout_ms, e)) <
            0 ||
        (rc = json_opt_uint(request, "status", 256, 0, 255, &status, e)) < 0 ||
        (rc = requests_stop(r, timeout_ms, status < 256 ? COMMAND_ENDED : "it was asked to shut down", e)) <
            0)
        return rc;
    if (status < 256)
        r->status = (int)status;
    return add_waiter(r, c, e);
}

static int do_kill(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    if (!life_may(r->life.state, LIFE_KILL))
        return err_set(e, -EBUSY, "it is %s already", life_state_name(r->life.state));
    requests_event(r, LIFE_KILL, "killed", "its plug was pulled");
    return add_waiter(r, c, e);
}

static int do_wait(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    return add_waiter(r, c, e);
}

static int do_exec(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    if (r->life.state != LIFE_RUNNING)
        return err_set(e, -EBUSY, "it is %s", life_state_name(r->life.state));
    return r->ops->exec(r->ctx, c, request, e);
}

static int do_console(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    return r->ops->console(r->ctx, c, e);
}

static int do_attach(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    if (!r->ops->attach)
        return err_set(e, -EOPNOTSUPP, "a machine has no command to join; its console it has");
    return r->ops->attach(r->ctx, c, e);
}

static int do_signal(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    uint64_t number;
    int rc = json_get_uint(request, "number", 1, 64, &number, e);
    if (rc < 0)
        return rc;
    if (r->life.state != LIFE_RUNNING && r->life.state != LIFE_PAUSED && r->life.state != LIFE_STOPPING)
        return err_set(e, -EBUSY, "it is %s", life_state_name(r->life.state));
    if (!r->ops->signal)
        return err_set(e, -EOPNOTSUPP, "a machine takes no signals: its plug can be pulled");
    if ((rc = r->ops->signal(r->ctx, (int)number, e)) == 0)
        conn_ok(c);
    return rc;
}

static int do_update(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    if (r->life.state != LIFE_RUNNING && r->life.state != LIFE_PAUSED)
        return err_set(e, -EBUSY, "it is %s", life_state_name(r->life.state));
    if (!r->ops->update)
        return err_set(e, -EOPNOTSUPP, "a machine stays as it was made: only containers can be changed");
    int rc = r->ops->update(r->ctx, request, e);
    if (rc == 0)
        conn_ok(c);
    return rc;
}

static int do_hold(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    (void)request;
    if (r->life.state != LIFE_RUNNING && r->life.state != LIFE_PAUSED)
        return err_set(e, -EBUSY, "it is %s", life_state_name(r->life.state));
    if (!r->ops->hold)
        return err_set(e, -EOPNOTSUPP, "only containers can be held");
    return r->ops->hold(r->ctx, c, e);
}

static int do_fork(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    if (r->life.state != LIFE_RUNNING && r->life.state != LIFE_PAUSED)
        return err_set(e, -EBUSY, "it is %s", life_state_name(r->life.state));
    if (!r->ops->fork)
        return err_set(e, -EOPNOTSUPP, "this kind of guest cannot be forked");
    return r->ops->fork(r->ctx, c, request, e);
}

static const struct {
    const char *word;
    int (*fn)(struct requests *r, struct conn *c, json_t *request, struct err *e);
} words[] = {
    {"status", do_status}, {"stats", do_stats},     {"inspect", do_inspect}, {"pause", do_pause},
    {"resume", do_resume}, {"stop", do_stop},       {"kill", do_kill},       {"wait", do_wait},
    {"exec", do_exec},     {"console", do_console}, {"attach", do_attach},   {"update", do_update},
    {"signal", do_signal}, {"fork", do_fork},       {"hold", do_hold},
};

static int dispatch(struct requests *r, struct conn *c, json_t *request, struct err *e)
{
    const char *word;
    int rc = json_get_string(request, "do", &word, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(word, words[i].word))
            return words[i].fn(r, c, request, e);
    return err_set(e, -EINVAL, "\"%.40s\" is nothing that a monitor can do", word);
}

void requests_handle(void *ctx, struct conn *c, json_t *request)
{
    struct err e;
    if (dispatch(ctx, c, request, &e) < 0)
        conn_error(c, &e);
}

void requests_init(struct requests *r, struct loop *loop, const struct life_actions *actions,
                   const struct requests_ops *ops, void *ctx)
{
    *r = (struct requests){.life = {LIFE_CREATED, actions, ctx}, .ops = ops, .ctx = ctx, .status = -1};
    loop_timer_init(&r->deadline, loop, time_up, r);
}

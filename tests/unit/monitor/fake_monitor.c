// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_monitor.h"

#include "base/json.h"
#include "unit.h"

static int did(struct fake_monitor *m, char c)
{
    size_t n = strlen(m->did);
    if (n < sizeof(m->did) - 1)
        m->did[n] = c;
    return 0;
}

static int start(void *ctx, struct err *e)
{
    (void)e;
    return did(ctx, 's');
}

static int freeze(void *ctx, struct err *e)
{
    (void)e;
    return did(ctx, 'f');
}

static int thaw(void *ctx, struct err *e)
{
    (void)e;
    return did(ctx, 't');
}

static void obey(void *ctx)
{
    struct fake_monitor *m = ctx;
    requests_event(&m->requests, LIFE_POWER_OFF, "power-off", "the guest powered off");
}

static int ask(void *ctx, struct err *e)
{
    struct fake_monitor *m = ctx;
    (void)e;
    if (!m->deaf)
        loop_post(m->loop, obey, m);
    return did(m, 'a');
}

static int end(void *ctx, struct err *e)
{
    struct fake_monitor *m = ctx;
    (void)e;
    loop_stop(m->loop);
    return did(m, 'e');
}

static const struct life_actions actions = {start, freeze, thaw, ask, end, end, end};

static json_t *describe(void *ctx, enum describe how)
{
    struct fake_monitor *m = ctx;
    json_t *j = json_pack("{s:s, s:i, s:b}", "state", life_state_name(m->requests.life.state), "pid",
                          (int)getpid(), "agent", how == DESCRIBE_ALL);
    if (how != DESCRIBE_STATUS)
        json_object_set_new(j, "stats", json_pack("{s:b}", "touched", how == DESCRIBE_ALL));
    return j;
}

/* ---- exec: an echo ---- */

static bool echo(void *ctx, const struct frame *f)
{
    struct conn **c = ctx;
    if (f->type != FRAME_STDIN)
        return true;
    if (f->len)
        return conn_send(*c, FRAME_STDOUT, f->payload, f->len);
    conn_send(*c, FRAME_EXIT, "\7\0\0\0", 4);
    conn_finish(*c);
    free(c);
    return true;
}

static void echo_room(void *ctx)
{
    struct conn **c = ctx;
    conn_more(*c);
}

static void echo_closed(void *ctx)
{
    free(ctx);
}

static int exec(void *ctx, struct conn *c, json_t *request, struct err *e)
{
    static const struct conn_ops ops = {echo, echo_room, echo_closed};
    (void)ctx;
    if (!json_is_array(json_object_get(request, "argv")))
        return err_set(e, -EINVAL, "exec needs argv");
    struct conn **mine = malloc(sizeof(struct conn *));
    *mine = c;
    conn_attach(c, &ops, mine);
    conn_ok(c);
    return 0;
}

static int console(void *ctx, struct conn *c, struct err *e)
{
    (void)ctx, (void)c;
    return err_set(e, -ENODEV, "it has no console");
}

static const struct requests_ops ops = {.describe = describe, .exec = exec, .console = console};

static void *run(void *ctx)
{
    struct fake_monitor *m = ctx;
    struct err e;
    loop_run(m->loop, &e);
    pthread_mutex_lock(&m->lock);
    if (!m->dies)
        requests_ended(&m->requests);
    control_free(m->control);
    pthread_mutex_unlock(&m->lock);
    loop_free(m->loop);
    if (m->dir && m->dies)
        own_fd(&m->dir->lock), m->dir->lock = -1;
    else if (m->dir)
        guest_dir_unlock(m->dir);
    return NULL;
}

void fake_monitor_start(struct fake_monitor *m, const char *path)
{
    struct err e = {0};
    pthread_mutex_init(&m->lock, NULL);
    assert_int_equal(loop_new(&m->lock, &m->loop, &e), 0);
    requests_init(&m->requests, m->loop, &actions, &ops, m);
    if (control_new(m->loop, path, requests_handle, &m->requests, &m->control, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(life_event(&m->requests.life, LIFE_START, &e), 0);
    assert_int_equal(pthread_create(&m->thread, NULL, run, m), 0);
}

void fake_monitor_join(struct fake_monitor *m)
{
    pthread_join(m->thread, NULL);
}

void fake_monitor_event(struct fake_monitor *m, enum life_event event, const char *kind, const char *why)
{
    pthread_mutex_lock(&m->lock);
    requests_event(&m->requests, event, kind, why);
    pthread_mutex_unlock(&m->lock);
}

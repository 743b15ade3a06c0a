// SPDX-License-Identifier: GPL-2.0-or-later
/* agent: see agent.h. What is said in a request is in guest/request.c and guest/exec.h. */
#include "vm/agent.h"

#include <inttypes.h>
#include <string.h>

#include "base/fields.h"
#include "vm/agent_impl.h"
#include "vm/machine.h"

#define SEEK_NS   25000000u   /* between two attempts to find it */
#define ANSWER_NS 10000000000 /* after which a ping counts as lost */
#define SEED_MAX  512

/* ---- finding it ---- */

static bool no_frame(void *ctx, enum frame_type type, const void *payload, uint32_t len)
{
    (void)ctx, (void)type, (void)payload, (void)len;
    return true; /* a reply is all that a request gets */
}

static void no_room(void *ctx)
{
    (void)ctx;
}

static void seek_again(struct agent *a)
{
    loop_timer_arm(&a->seek, loop_now_ns() + SEEK_NS);
}

static void pinged(void *ctx, const struct err *e)
{
    struct agent *a = ctx;
    agent_session_close(take(a->ping));
    if (e)
        return; /* the timer runs on */
    loop_timer_stop(&a->seek);
    a->is_up = true;
    a->up(a->ctx);
}

static void seek(void *ctx)
{
    static const struct agent_ops ops = {no_frame, no_room, pinged};
    static const char ping[] = "do=ping";
    struct agent *a = ctx;
    seek_again(a);
    if (a->ping && loop_now_ns() - a->ping_began_ns < ANSWER_NS)
        return;
    agent_session_close(take(a->ping));
    a->ping_began_ns = loop_now_ns();
    agent_session_new(a, ping, sizeof(ping), &ops, a, &a->ping, NULL); /* else the next time */
}

int agent_new_over(const struct agent_link *link, struct loop *loop, void (*up)(void *ctx), void *ctx,
                   struct agent **ret, struct err *e)
{
    struct agent *a = calloc(1, sizeof(*a));
    if (!a)
        return err_code(e, -ENOMEM, "the guest's agent");
    *a = (struct agent){.link = *link, .loop = loop, .up = up, .ctx = ctx};
    loop_timer_init(&a->seek, loop, seek, a);
    seek_again(a);
    *ret = a;
    return 0;
}

static int connect_vsock(void *ctx, uint32_t port, const struct vsock_stream_ops *ops, void *stream_ctx,
                         struct vsock_stream **ret, struct err *e)
{
    return virtio_vsock_connect(ctx, port, ops, stream_ctx, ret, e);
}

int agent_new(struct machine *m, struct loop *loop, void (*up)(void *ctx), void *ctx, struct agent **ret,
              struct err *e)
{
    const struct agent_link link = {machine_vsock(m), connect_vsock, vsock_stream_write, vsock_stream_more,
                                    vsock_stream_close};
    if (!link.ctx)
        return err_set(e, -ENODEV, "the machine has no vsock, so its agent cannot be reached");
    return agent_new_over(&link, loop, up, ctx, ret, e);
}

void agent_free(struct agent *a)
{
    if (!a)
        return;
    loop_timer_stop(&a->seek);
    agent_session_close(take(a->ping));
    while (a->sessions) {
        struct agent_session *s = a->sessions;
        a->sessions = s->next;
        agent_session_orphan(s);
    }
    free(a);
}

bool agent_is_up(const struct agent *a)
{
    return a->is_up;
}

/* ---- the text of a request ---- */

struct text {
    uint8_t list[FRAME_MAX];
    size_t len;
    bool full;
};

static void add(struct text *t, const char *name, const char *value)
{
    if (value && !fields_add(t->list, sizeof(t->list), &t->len, name, value))
        t->full = true;
}

static void add_number(struct text *t, const char *name, uint64_t n)
{
    char value[24];
    snprintf(value, sizeof(value), "%" PRIu64, n);
    add(t, name, value);
}

static void add_list(struct text *t, const char *name, const char *const *list)
{
    for (; list && *list; list++)
        add(t, name, *list);
}

static int check_up(const struct agent *a, struct err *e)
{
    return a->is_up ? 0 : err_set(e, -ENOTCONN, "the guest's agent is not up");
}

int agent_exec(struct agent *a, const struct agent_exec *x, const struct agent_ops *ops, void *ctx,
               struct agent_session **ret, struct err *e)
{
    if (check_up(a, e) < 0)
        return -ENOTCONN;
    OWN_MEM struct text *t = calloc(1, sizeof(*t));
    if (!t)
        return err_code(e, -ENOMEM, "execute in the guest");
    add(t, "do", "exec");
    add_list(t, "arg", x->argv);
    add_list(t, "env", x->env);
    add(t, "cwd", x->cwd);
    add(t, "user", x->user);
    add_number(t, "tty", x->tty);
    add_number(t, "stdin", x->input);
    add_number(t, "detach", x->detach);
    add_number(t, "cols", x->cols);
    add_number(t, "rows", x->rows);
    if (t->full)
        return err_set(e, -E2BIG, "the command line and its environment are longer than %d bytes", FRAME_MAX);
    return agent_session_new(a, t->list, t->len, ops, ctx, ret, e);
}

/* ---- short requests ---- */

struct call {
    agent_done *done;
    void *ctx;
    struct agent_session *session;
};

static void called(void *ctx, const struct err *e)
{
    OWN_MEM struct call *c = ctx;
    agent_session_close(c->session);
    if (c->done)
        c->done(c->ctx, e);
}

static int call(struct agent *a, const struct text *t, agent_done *done, void *ctx, struct err *e)
{
    static const struct agent_ops ops = {no_frame, no_room, called};
    if (check_up(a, e) < 0)
        return -ENOTCONN;
    OWN_MEM struct call *c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "ask the guest's agent");
    *c = (struct call){.done = done, .ctx = ctx};
    int rc = agent_session_new(a, t->list, t->len, &ops, c, &c->session, e);
    if (rc < 0)
        return rc;
    (void)take(c); /* called() frees it */
    return 0;
}

int agent_shutdown(struct agent *a, bool reboot, agent_done *done, void *ctx, struct err *e)
{
    struct text t = {.len = 0};
    add(&t, "do", "shutdown");
    add(&t, "how", reboot ? "reboot" : "poweroff");
    return call(a, &t, done, ctx, e);
}

int agent_set_time(struct agent *a, uint64_t realtime_ns, agent_done *done, void *ctx, struct err *e)
{
    struct text t = {.len = 0};
    add(&t, "do", "time");
    add_number(&t, "ns", realtime_ns);
    return call(a, &t, done, ctx, e);
}

int agent_sync(struct agent *a, agent_done *done, void *ctx, struct err *e)
{
    struct text t = {.len = 0};
    add(&t, "do", "sync");
    return call(a, &t, done, ctx, e);
}

int agent_reseed(struct agent *a, const void *bytes, size_t len, agent_done *done, void *ctx, struct err *e)
{
    struct text t = {.len = 0};
    char hex[2 * SEED_MAX + 1] = "";
    if (len > SEED_MAX)
        return err_set(e, -EINVAL, "reseed: at most %d bytes", SEED_MAX);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
    add(&t, "do", "reseed");
    add(&t, "data", hex);
    return call(a, &t, done, ctx, e);
}

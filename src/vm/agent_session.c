// SPDX-License-Identifier: GPL-2.0-or-later
/* agent_session: one connection to the agent; see agent.h and agent_impl.h. */
#include "base/fields.h"
#include "vm/agent_impl.h"

#define IN_MAX  (FRAME_HEADER + FRAME_MAX)
#define OUT_MAX (2 * IN_MAX)

static void wake(struct agent_session *s)
{
    loop_timer_arm(&s->wake, loop_now_ns());
}

static void drop_stream(struct agent_session *s)
{
    if (s->stream && s->agent)
        s->agent->link.close(s->stream);
    s->stream = NULL;
}

static void session_free(struct agent_session *s)
{
    drop_stream(s);
    loop_timer_stop(&s->wake);
    for (struct agent_session **p = s->agent ? &s->agent->sessions : NULL; p && *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    buf_fini(&s->in);
    buf_fini(&s->out);
    free(s);
}

static void flush(struct agent_session *s)
{
    if (!s->stream || !s->out.len)
        return;
    buf_consume(&s->out, s->agent->link.write(s->stream, buf_data(&s->out), s->out.len));
    if (s->full && s->out.len <= OUT_MAX / 2)
        wake(s);
}

/* ---- from the device, on any thread ---- */

static void on_connected(void *ctx)
{
    flush(ctx);
}

static size_t on_receive(void *ctx, const void *bytes, size_t len)
{
    struct agent_session *s = ctx;
    size_t n = IN_MAX - s->in.len < len ? IN_MAX - s->in.len : len;
    if (buf_append(&s->in, bytes, n) < 0)
        s->ended = true; /* no memory: a stream with a hole is worth nothing */
    wake(s);
    return n;
}

static void on_writable(void *ctx)
{
    flush(ctx);
}

static void on_shutdown(void *ctx)
{
    struct agent_session *s = ctx;
    s->ended = true;
    wake(s);
}

static void on_closed(void *ctx, bool reset)
{
    struct agent_session *s = ctx;
    (void)reset; /* whether all was said shows in the frames */
    s->stream = NULL;
    s->ended = true;
    wake(s);
}

static const struct vsock_stream_ops stream_ops = {on_connected, on_receive, on_writable, on_shutdown,
                                                   on_closed};

/* ---- on the loop ---- */

static void finish(struct agent_session *s, const struct err *e)
{
    if (s->finished || s->dead)
        return;
    s->finished = true;
    drop_stream(s);
    s->ops->closed(s->ctx, e);
}

static void finish_with_reply(struct agent_session *s, const struct frame *f)
{
    struct err e;
    const char *why = "the agent's reply makes no sense";
    uint64_t code = EPROTO;
    if (fields_valid(f->payload, f->len)) {
        if (fields_get(f->payload, f->len, "ok")) {
            finish(s, NULL);
            return;
        }
        const char *text = fields_get(f->payload, f->len, "error");
        why = text ? text : why;
        code = fields_number(f->payload, f->len, "code", 4095, EPROTO);
    }
    err_set(&e, -(int)(code ? code : EPROTO), "%s", why);
    for (char *p = e.text; *p; p++) /* the guest's words: one line, nothing that steers a terminal */
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    finish(s, &e);
}

/* False: it stays where it is. */
static bool give(struct agent_session *s, const struct frame *f)
{
    struct err e;
    int32_t status;
    bool exit = frame_get_exit(f, &status);
    if (exit || f->type == FRAME_STDOUT || f->type == FRAME_STDERR) {
        if (!s->ops->frame(s->ctx, f->type, f->payload, f->len))
            return false;
        if (exit)
            finish(s, NULL);
    } else if (f->type == FRAME_REPLY) {
        finish_with_reply(s, f);
    } else {
        err_set(&e, -EPROTO, "the agent sent a frame of type %d that only the host sends", (int)f->type);
        finish(s, &e);
    }
    return true;
}

static void give_all(struct agent_session *s)
{
    while (!s->finished && !s->dead && !s->held) {
        struct frame f;
        struct err e;
        ssize_t n = frame_parse(buf_data(&s->in), s->in.len, &f);
        if (n < 0) {
            err_set(&e, -EPROTO, "the agent sent what is no frame");
            finish(s, &e);
            return;
        }
        if (n == 0)
            return;
        s->held = !give(s, &f);
        if (!s->held)
            buf_consume(&s->in, (size_t)n);
    }
}

static void on_wake(void *ctx)
{
    struct agent_session *s = ctx;
    s->busy = true;
    size_t before = s->in.len;
    give_all(s);
    if (s->full && s->out.len <= OUT_MAX / 2 && !s->finished && !s->dead) {
        s->full = false;
        s->ops->room(s->ctx);
    }
    if (s->ended && !s->held && !s->finished && !s->dead) {
        struct err e;
        err_set(&e, -ECONNRESET, "the guest's agent ended the connection");
        finish(s, &e);
    }
    s->busy = false;
    if (s->dead)
        session_free(s);
    else if (s->stream && s->in.len < before)
        s->agent->link.more(s->stream);
}

int agent_session_new(struct agent *a, const void *list, size_t len, const struct agent_ops *ops, void *ctx,
                      struct agent_session **ret, struct err *e)
{
    struct agent_session *s = calloc(1, sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "talk to the guest's agent");
    *s = (struct agent_session){.ops = ops, .ctx = ctx};
    loop_timer_init(&s->wake, a->loop, on_wake, s);
    uint8_t *to = buf_reserve(&s->out, FRAME_HEADER + len);
    if (!to) {
        session_free(s);
        return err_code(e, -ENOMEM, "talk to the guest's agent");
    }
    buf_commit(&s->out, frame_put(to, FRAME_REQUEST, list, (uint32_t)len));
    int rc = a->link.connect(a->link.ctx, FRAME_AGENT_PORT, &stream_ops, s, &s->stream, e);
    if (rc < 0) {
        session_free(s);
        return rc;
    }
    s->agent = a;
    s->next = a->sessions;
    a->sessions = s;
    *ret = s;
    return 0;
}

bool agent_session_send(struct agent_session *s, enum frame_type type, const void *payload, uint32_t len)
{
    if (!s->stream || s->finished)
        return true;
    uint8_t *to = s->out.len + FRAME_HEADER + len > OUT_MAX ? NULL : buf_reserve(&s->out, FRAME_HEADER + len);
    if (!to) {
        s->full = true;
        return false;
    }
    buf_commit(&s->out, frame_put(to, type, payload, len));
    flush(s);
    return true;
}

void agent_session_more(struct agent_session *s)
{
    s->held = false;
    wake(s);
}

void agent_session_close(struct agent_session *s)
{
    if (!s)
        return;
    s->dead = true;
    if (s->busy)
        drop_stream(s);
    else
        session_free(s);
}

void agent_session_orphan(struct agent_session *s)
{
    struct err e;
    err_set(&e, -ECONNRESET, "the guest is gone");
    s->busy = true;
    finish(s, &e);
    s->busy = false;
    drop_stream(s);
    loop_timer_stop(&s->wake);
    s->agent = NULL;
    s->ended = s->finished = true;
    if (s->dead)
        session_free(s);
}

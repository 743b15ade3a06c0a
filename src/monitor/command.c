// SPDX-License-Identifier: GPL-2.0-or-later
/* command: see command.h. */
#include "monitor/command.h"

#include "base/log.h"
#include "base/loop.h"

#define NOT_RUN  126
#define AGAIN_NS 10000000u /* the console took not all: its turn comes soon */

struct command {
    struct agent_session *session;
    struct console *console;
    void (*ended)(void *ctx, int status);
    void *ctx;
    int status;
    struct loop_timer again;
    size_t said; /* of the frame that waits */
};

static bool say(struct command *c, const void *text, size_t len)
{
    c->said += console_say(c->console, (const char *)text + c->said, len - c->said);
    if (c->said < len) {
        loop_timer_arm(&c->again, loop_now_ns() + AGAIN_NS);
        return false;
    }
    c->said = 0;
    return true;
}

static void again(void *ctx)
{
    struct command *c = ctx;
    agent_session_more(c->session);
}

static bool frame(void *ctx, enum frame_type type, const void *payload, uint32_t len)
{
    struct command *c = ctx;
    const struct frame f = {.type = type, .payload = payload, .len = len};
    int32_t status;
    if (type == FRAME_STDOUT || type == FRAME_STDERR)
        return say(c, payload, len);
    if (frame_get_exit(&f, &status))
        c->status = status & 0xff;
    return true;
}

static void room(void *ctx)
{
    (void)ctx; /* nothing is ever sent */
}

static void closed(void *ctx, const struct err *e)
{
    struct command *c = ctx;
    if (e && e->code == -ECONNRESET)
        return; /* the guest goes down: that is told otherwise */
    if (e)
        log_warn("the guest's command: %s", e->text);
    c->ended(c->ctx, c->status);
}

static const struct agent_ops ops = {frame, room, closed};

int command_start(struct agent *a, struct loop *loop, const struct guest_config *g, struct console *console,
                  void (*ended)(void *ctx, int status), void *ctx, struct command **ret, struct err *e)
{
    struct command *c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "the guest's command");
    *c = (struct command){.console = console, .ended = ended, .ctx = ctx, .status = NOT_RUN};
    loop_timer_init(&c->again, loop, again, c);
    const struct agent_exec x = {.argv = g->argv, .env = g->env, .cwd = g->cwd, .user = g->user};
    int rc = agent_exec(a, &x, &ops, c, &c->session, e);
    if (rc < 0) {
        free(c);
        return err_wrap(e, "the guest's command");
    }
    *ret = c;
    return 0;
}

void command_free(struct command *c)
{
    if (!c)
        return;
    loop_timer_stop(&c->again);
    agent_session_close(c->session);
    free(c);
}

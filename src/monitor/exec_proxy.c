// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_proxy: see exec_proxy.h. */
#include "monitor/exec_proxy.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_strings.h"

#define LIST_MAX    4096
#define WAIT_MAX_MS 86400000u
#define LOST_MS     5000 /* for the guest's end to be noticed, after its agent is gone */
#define NOT_RUN     126  /* exit status of what could not be started, as shells have it */

struct exec_proxy {
    struct exec_host *host;
    struct exec_proxy *next;
    struct conn *conn; /* NULL: the client is gone or was told all */
    struct agent_session *session;
    struct loop_timer patience; /* for the agent */
    json_t *request;
    const char **argv, **env; /* borrow from it */
    struct agent_exec exec;
    bool exited;
    bool lost; /* the agent went in the middle: the client waits for why */
};

static void free_proxy(struct exec_proxy *x)
{
    for (struct exec_proxy **p = &x->host->proxies; *p; p = &(*p)->next)
        if (*p == x) {
            *p = x->next;
            break;
        }
    loop_timer_stop(&x->patience);
    agent_session_close(x->session);
    json_decref(x->request);
    free(x->argv);
    free(x->env);
    free(x);
}

/* Say goodbye to the client, and be gone. */
static void finish(struct exec_proxy *x)
{
    if (x->conn)
        conn_finish(x->conn);
    free_proxy(x);
}

static void fail(struct exec_proxy *x, const struct err *e)
{
    if (x->conn)
        conn_error(x->conn, e);
    finish(x);
}

/* ---- the session's side ---- */

static bool from_agent(void *ctx, enum frame_type type, const void *payload, uint32_t len)
{
    struct exec_proxy *x = ctx;
    if (!x->conn)
        return true;
    if (!conn_send(x->conn, type, payload, len))
        return false;
    x->exited |= type == FRAME_EXIT;
    return true;
}

static void agent_has_room(void *ctx)
{
    struct exec_proxy *x = ctx;
    if (x->conn)
        conn_more(x->conn);
}

/* The client was told {"ok"} already: what went wrong goes the way of the command's own complaints. */
static void tell_not_run(struct exec_proxy *x, const struct err *e)
{
    char line[600];
    uint8_t exit[FRAME_HEADER + 4];
    int n = snprintf(line, sizeof(line), "hospes: exec: %s\n", e->text);
    struct frame f;
    frame_put_exit(exit, NOT_RUN);
    frame_parse(exit, sizeof(exit), &f);
    conn_send(x->conn, FRAME_STDERR, line, (uint32_t)n);
    conn_send(x->conn, FRAME_EXIT, f.payload, f.len);
}

/* A guest that ends takes its agent along first; why it ended comes with exec_host_fail. */
static void lose(struct exec_proxy *x)
{
    x->lost = true;
    agent_session_close(take(x->session));
    loop_timer_arm(&x->patience, loop_now_ns() + LOST_MS * 1000000ull);
}

static void session_closed(void *ctx, const struct err *e)
{
    struct exec_proxy *x = ctx;
    if (x->conn && e && e->code == -ECONNRESET && !x->exited && !x->exec.detach) {
        lose(x);
        return;
    }
    if (x->exec.detach && e) {
        fail(x, e);
        return;
    }
    if (x->conn && x->exec.detach)
        conn_ok(x->conn);
    else if (x->conn && e && !x->exited)
        tell_not_run(x, e);
    finish(x);
}

static const struct agent_ops agent_ops = {from_agent, agent_has_room, session_closed};

/* ---- the client's side ---- */

static bool from_client(void *ctx, const struct frame *f)
{
    struct exec_proxy *x = ctx;
    if (f->type != FRAME_STDIN && f->type != FRAME_RESIZE && f->type != FRAME_SIGNAL)
        return true;
    if (x->exec.detach)
        return true;
    return x->session && agent_session_send(x->session, f->type, f->payload, f->len);
}

static void client_has_room(void *ctx)
{
    struct exec_proxy *x = ctx;
    if (x->session)
        agent_session_more(x->session);
}

static void client_closed(void *ctx)
{
    struct exec_proxy *x = ctx;
    x->conn = NULL;
    if (!x->session || !x->exec.detach)
        free_proxy(x); /* what still runs is hung up */
}

static const struct conn_ops conn_ops = {from_client, client_has_room, client_closed};

/* ---- begin ---- */

/* False: it failed, x is gone. */
static bool begin(struct exec_proxy *x)
{
    struct err e;
    loop_timer_stop(&x->patience);
    if (agent_exec(x->host->agent, &x->exec, &agent_ops, x, &x->session, &e) < 0) {
        fail(x, &e);
        return false;
    }
    if (!x->exec.detach)
        conn_ok(x->conn);
    return true;
}

static void out_of_patience(void *ctx)
{
    struct exec_proxy *x = ctx;
    struct err e;
    if (x->lost)
        err_set(&e, -ECONNRESET, "the agent in the guest went away");
    else
        err_set(&e, -ETIMEDOUT, "the agent in the guest does not answer: has the guest started up?");
    fail(x, &e);
}

static int parse(struct exec_proxy *x, uint64_t *ret_wait_ms, struct err *e)
{
    json_t *r = x->request;
    uint64_t cols, rows;
    int rc;
    if ((rc = strings_parse(r, "argv", LIST_MAX, &x->argv, e)) < 0 ||
        (rc = strings_parse(r, "env", LIST_MAX, &x->env, e)) < 0 ||
        (rc = json_opt_string(r, "cwd", NULL, &x->exec.cwd, e)) < 0 ||
        (rc = json_opt_string(r, "user", NULL, &x->exec.user, e)) < 0 ||
        (rc = json_opt_bool(r, "tty", false, &x->exec.tty, e)) < 0 ||
        (rc = json_opt_bool(r, "input", false, &x->exec.input, e)) < 0 ||
        (rc = json_opt_bool(r, "detach", false, &x->exec.detach, e)) < 0 ||
        (rc = json_opt_uint(r, "cols", 0, 0, UINT16_MAX, &cols, e)) < 0 ||
        (rc = json_opt_uint(r, "rows", 0, 0, UINT16_MAX, &rows, e)) < 0 ||
        (rc = json_opt_uint(r, "wait_ms", 0, 0, WAIT_MAX_MS, ret_wait_ms, e)) < 0)
        return rc;
    x->exec.argv = x->argv;
    x->exec.env = x->env;
    x->exec.cols = (uint16_t)cols;
    x->exec.rows = (uint16_t)rows;
    return 0;
}

int exec_proxy_new(struct exec_host *h, struct conn *c, json_t *request, struct err *e)
{
    uint64_t wait_ms;
    if (!h->possible)
        return err_set(e, -ENODEV, "a guest without an image has no agent that could run a command");
    struct exec_proxy *x = calloc(1, sizeof(*x));
    if (!x)
        return err_code(e, -ENOMEM, "exec");
    *x = (struct exec_proxy){.host = h, .conn = c, .next = h->proxies, .request = json_incref(request)};
    h->proxies = x;
    loop_timer_init(&x->patience, h->loop, out_of_patience, x);
    int rc = parse(x, &wait_ms, e);
    if (rc < 0) {
        free_proxy(x);
        return rc;
    }
    conn_attach(c, &conn_ops, x);
    if (h->agent && agent_is_up(h->agent))
        begin(x);
    else
        loop_timer_arm(&x->patience, loop_now_ns() + wait_ms * 1000000u);
    return 0;
}

static struct exec_proxy *waiting(const struct exec_host *h)
{
    struct exec_proxy *x = h->proxies;
    while (x && (x->session || x->lost))
        x = x->next;
    return x;
}

void exec_host_up(struct exec_host *h)
{
    struct exec_proxy *x;
    while (h->agent && (x = waiting(h)))
        if (begin(x))
            conn_more(x->conn); /* input that came early */
}

void exec_host_fail(struct exec_host *h, const struct err *why)
{
    while (h->proxies)
        fail(h->proxies, why);
}

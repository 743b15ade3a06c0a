// SPDX-License-Identifier: GPL-2.0-or-later
/* console: see console.h. */
#include "monitor/console.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "host/hub.h"

#define LATELY 4096 /* bytes of the log that a new client sees */

struct console {
    struct hub *hub;
    char *path;
    struct char_port far; /* the hub's own calls, whatever was put in between since */
};

void console_close(struct console *c)
{
    if (!c)
        return;
    hub_free(c->hub);
    free(c->path);
    free(c);
}

int console_open(struct loop *loop, const char *log_path, struct console **ret, struct err *e)
{
    OWN(console) c = calloc(1, sizeof(*c));
    OWN(logfile) log = NULL;
    if (!c || !(c->path = strdup(log_path)))
        return err_code(e, -ENOMEM, "console");
    int rc = logfile_open(log_path, LOGFILE_CAP, &log, e);
    if (rc < 0 || (rc = hub_new(loop, log, &c->hub, e)) < 0)
        return rc;
    log = NULL; /* the hub's now */
    c->far = *hub_port(c->hub);
    *ret = take(c);
    return 0;
}

int console_relog(struct console *c, const char *log_path, struct err *e)
{
    OWN_MEM char *path = strdup(log_path);
    OWN(logfile) log = NULL;
    int rc = path ? logfile_open(log_path, LOGFILE_CAP, &log, e) : err_code(e, -ENOMEM, "console");
    if (rc < 0)
        return rc;
    hub_relog(c->hub, take(log));
    free(c->path);
    c->path = take(path);
    return 0;
}

struct char_port *console_port(struct console *c)
{
    return hub_port(c->hub);
}

size_t console_say(struct console *c, const void *text, size_t len)
{
    return c->far.write(c->far.ctx, text, len);
}

/* ---- clients ---- */

struct client {
    struct console *console;
    struct conn *conn;
    struct hub_client *hub;
    size_t taken; /* of the STDIN frame that waits */
};

static size_t to_client(void *ctx, const void *buf, size_t len)
{
    struct client *k = ctx;
    size_t n = len < FRAME_MAX ? len : FRAME_MAX;
    return conn_send(k->conn, FRAME_STDOUT, buf, (uint32_t)n) ? n : 0;
}

static void device_has_room(void *ctx)
{
    struct client *k = ctx;
    conn_more(k->conn);
}

static void hub_gone(void *ctx)
{
    struct client *k = ctx;
    conn_finish(k->conn);
    free(k);
}

static const struct hub_client_ops hub_ops = {to_client, device_has_room, hub_gone};

static bool from_client(void *ctx, const struct frame *f)
{
    struct client *k = ctx;
    uint16_t cols, rows;
    if (frame_get_resize(f, &cols, &rows))
        hub_resize(k->console->hub, cols, rows);
    if (f->type != FRAME_STDIN)
        return true;
    k->taken += hub_input(k->hub, f->payload + k->taken, f->len - k->taken);
    if (k->taken < f->len)
        return false;
    k->taken = 0;
    return true;
}

static void client_has_room(void *ctx)
{
    struct client *k = ctx;
    hub_client_ready(k->hub);
}

static void client_closed(void *ctx)
{
    struct client *k = ctx;
    hub_detach(k->hub);
    free(k);
}

static const struct conn_ops conn_ops = {from_client, client_has_room, client_closed};

/* The end of the log, from the start of a line on. */
static void show_lately(const struct console *c, struct conn *conn)
{
    char text[LATELY];
    struct stat st;
    OWN_FD fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    off_t from = st.st_size > LATELY ? st.st_size - LATELY : 0;
    ssize_t n = pread(fd, text, sizeof(text), from);
    if (n <= 0)
        return;
    const char *start = from ? memchr(text, '\n', (size_t)n) : NULL;
    start = start ? start + 1 : text;
    conn_send(conn, FRAME_STDOUT, start, (uint32_t)(text + n - start));
}

int console_attach(struct console *c, struct conn *conn, struct err *e)
{
    struct client *k = calloc(1, sizeof(*k));
    if (!k)
        return err_code(e, -ENOMEM, "console");
    *k = (struct client){.console = c, .conn = conn};
    int rc = hub_attach(c->hub, &hub_ops, k, false, &k->hub, e);
    if (rc < 0) {
        free(k);
        return rc;
    }
    conn_attach(conn, &conn_ops, k);
    conn_ok(conn);
    show_lately(c, conn);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_stand: see oci_stand.h. */
#include "monitor/oci_stand.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "container/exec_machine.h"
#include "container/fdpass.h"
#include "container/sync.h"
#include "container/terminal.h"

#define NAME    "init" /* of its files in `out` */
#define NOT_RUN 126

struct stand {
    const struct launch *l;
    pid_t monitor;
    int told; /* who waits to hear that the program runs; -1: told */
};

static void started(void *ctx)
{
    struct stand *s = ctx;
    if (s->l->start < 0) /* `start` is told by the end of file, `run` by a word */
        (void)sync_send(s->told, SYNC_READY, 0, NULL, -1);
    own_fd(&s->told);
    s->told = -1;
}

/* Until `start` connects. */
static int wait_for_start(int sock)
{
    int conn;
    do {
        conn = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    } while (conn < 0 && (errno == EINTR || errno == ECONNABORTED));
    return conn;
}

static json_t *request(const struct launch *l)
{
    json_t *j = machine_request("run", NAME, l->c->process.terminal);
    machine_request_add(j, "--no-pivot");
    machine_request_add(j, "--bundle");
    machine_request_add(j, MACHINE_BUNDLE);
    machine_request_add(j, l->state.id);
    json_object_set_new(j, "wait_ms", json_integer(120000)); /* for the agent, after `run` */
    return j;
}

static int connect_to(const struct launch *l, const char *control, struct err *e)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->state_dir, control);
    return unix_connect(path, SOCK_STREAM, e);
}

static int serve(struct stand *s, int control, struct err *e)
{
    OWN_FD out = openat(s->l->state_dir, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(json_t) j = request(s->l);
    if (out < 0)
        return err_sys(e, "the machine's files");
    s->told = s->l->start >= 0 ? wait_for_start(s->l->start) : s->l->sync;
    const struct proxy p = {.sock = control,
                            .request = j,
                            .tty = s->l->c->process.terminal,
                            .only_from = s->monitor,
                            .out_dir = out,
                            .running = NAME ".pid",
                            .started = started,
                            .ctx = s};
    int rc = proxy_run(&p, e);
    if (rc == -ECHILD)
        machine_why(out, NAME, e);
    return rc;
}

_Noreturn static void live(struct stand *s, const char *control, int slave)
{
    struct err e = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    int rc = slave >= 0 ? terminal_take(slave, &e) : 0;
    OWN_FD sock = rc < 0 ? rc : connect_to(s->l, control, &e);
    if (rc == 0)
        rc = sock < 0 ? sock : serve(s, sock, &e);
    if (rc < 0 && s->told >= 0)
        (void)sync_send(s->told, SYNC_FAILED, e.code, e.text, -1);
    _exit(rc < 0 ? NOT_RUN : rc);
}

pid_t oci_stand(const struct launch *l, const char *control, int slave, struct err *e)
{
    struct stand s = {.l = l, .monitor = getpid(), .told = l->sync};
    pid_t pid = fork();
    if (pid == 0)
        live(&s, control, slave);
    return pid < 0 ? err_sys(e, "fork") : pid;
}

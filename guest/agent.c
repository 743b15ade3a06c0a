// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent: see agent.h.
 *
 * One thread and one poll(2): whatever a connection does, it never blocks. As init it also waits for orphans.
 */
#include "guest/agent.h"

#include <fcntl.h>
#include <linux/input.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "guest/conn.h"
#include "guest/initctl.h"
#include "guest/say.h"

#define CONNECTIONS 128 /* at once; more wait at the door */
#define TICK_MS     50  /* while something has a deadline */

enum { POLL_SIGNAL, POLL_LISTEN, POLL_BUTTON, POLL_INITCTL, POLL_OWN };

struct agent {
    int signals, listen, button, initctl;
    struct power power;
    struct conn *conns;
    unsigned nr;
    struct pollfd polls[POLL_OWN + CONNECTIONS * CONN_POLLS];
};

int agent_listen_vsock(struct err *e)
{
    OWN_FD fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "vsock");
    struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = FRAME_AGENT_PORT};
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, CONNECTIONS) < 0)
        return err_sys(e, "vsock port %d", FRAME_AGENT_PORT);
    return take_fd(&fd);
}

static uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- connections ---- */

/* Whoever can talk to the agent is root: of the vsock world only the host may, not the guest's own users. */
static bool welcome(const struct sockaddr_storage *peer)
{
    const struct sockaddr_vm *vm = (const struct sockaddr_vm *)peer;
    return peer->ss_family != AF_VSOCK || vm->svm_cid == VMADDR_CID_HOST;
}

static void take_connections(struct agent *a)
{
    while (a->nr < CONNECTIONS) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(a->listen, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if (!welcome(&peer)) {
            close(fd);
            continue;
        }
        struct conn *c = conn_new(fd, &a->power);
        if (!c)
            return;
        c->next = a->conns;
        a->conns = c;
        a->nr++;
    }
}

static void bury(struct agent *a)
{
    for (struct conn **p = &a->conns; *p;) {
        struct conn *c = *p;
        if (c->state != CONN_GONE) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        a->nr--;
        conn_free(c);
    }
}

/* ---- children and signals ---- */

static void reap(struct agent *a)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct conn *c = a->conns; c; c = c->next)
            if (c->child.pid == pid) {
                conn_ended(c, status, now_ms());
                break;
            }
}

/* What other inits understand: systemd's signals, busybox' SIGUSR2, the console's Ctrl-Alt-Del. */
static enum power_how meaning(int signal)
{
    if (signal == SIGRTMIN + 4 || signal == SIGUSR2 || signal == SIGPWR)
        return POWER_OFF;
    if (signal == SIGRTMIN + 5 || signal == SIGTERM || signal == SIGINT)
        return POWER_REBOOT;
    return POWER_NONE;
}

static void ask(struct agent *a, enum power_how how)
{
    if (how != POWER_NONE)
        power_ask(&a->power, how, NULL);
}

static void take_signals(struct agent *a)
{
    struct signalfd_siginfo s;
    while (read(a->signals, &s, sizeof(s)) == sizeof(s))
        ask(a, meaning((int)s.ssi_signo));
    reap(a);
}

static int open_signals(enum power_role role)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (role == POWER_ROLE_INIT) {
        int all[] = {SIGUSR2, SIGPWR, SIGTERM, SIGINT, SIGRTMIN + 4, SIGRTMIN + 5};
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            sigaddset(&set, all[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_button(struct agent *a)
{
    struct input_event ev;
    ssize_t n;
    while ((n = read(a->button, &ev, sizeof(ev))) == sizeof(ev))
        if (ev.type == EV_KEY && ev.code == KEY_POWER && ev.value == 1)
            ask(a, POWER_OFF);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        a->button = -1; /* unplugged; a guest has no hands to plug it again */
}

/* ---- loop ---- */

static nfds_t prepare(struct agent *a, int *ret_timeout)
{
    a->polls[POLL_SIGNAL] = (struct pollfd){.fd = a->signals, .events = POLLIN};
    a->polls[POLL_LISTEN] = (struct pollfd){.fd = a->nr < CONNECTIONS ? a->listen : -1, .events = POLLIN};
    a->polls[POLL_BUTTON] = (struct pollfd){.fd = a->button, .events = POLLIN};
    a->polls[POLL_INITCTL] = (struct pollfd){.fd = a->initctl, .events = POLLIN};
    nfds_t n = POLL_OWN;
    bool hurry = a->power.step != 0;
    for (struct conn *c = a->conns; c; c = c->next, n += CONN_POLLS) {
        conn_polls(c, &a->polls[n]);
        hurry = hurry || c->state == CONN_CLOSING;
    }
    *ret_timeout = hurry ? TICK_MS : -1;
    return n;
}

/* Shells at a terminal do not end at SIGTERM. */
static void hang_up(struct agent *a)
{
    for (struct conn *c = a->conns; c; c = c->next)
        if (c->child.tty)
            exec_signal(&c->child, SIGHUP);
}

static void serve(struct agent *a)
{
    int timeout;
    nfds_t n = prepare(a, &timeout);
    if (poll(a->polls, n, timeout) < 0)
        return; /* EINTR, ENOMEM: again */
    struct pollfd *p = &a->polls[POLL_OWN];
    for (struct conn *c = a->conns; c; c = c->next, p += CONN_POLLS)
        conn_ready(c, p, now_ms());
    if (a->polls[POLL_SIGNAL].revents)
        take_signals(a);
    if (a->polls[POLL_BUTTON].revents)
        take_button(a);
    if (a->polls[POLL_INITCTL].revents)
        ask(a, initctl_read(a->initctl));
    bury(a);
    if (a->polls[POLL_LISTEN].revents)
        take_connections(a);
    if (power_step(&a->power, now_ms()))
        hang_up(a);
}

void agent_run(const struct agent_setup *s)
{
    struct agent *a = calloc(1, sizeof(*a));
    if (!a)
        die("no memory for the agent");
    a->listen = s->listen;
    a->button = s->button;
    a->initctl = s->initctl;
    a->power.role = s->role;
    a->signals = open_signals(s->role);
    if (a->signals < 0)
        die("signalfd: %s", strerror(errno));
    if (a->listen >= 0)
        fcntl(a->listen, F_SETFL, fcntl(a->listen, F_GETFL) | O_NONBLOCK);
    for (;;)
        serve(a);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn: see spawn.h.
 *
 * We fork twice, so that the monitor is nobody's child; it says its pid first and then 0 or what is wrong.
 * The guest's lock is shared by the fork: one of us always holds it until all is well or gone.
 */
#include "monitor/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "monitor/container_id.h"
#include "monitor/container_monitor.h"
#include "monitor/container_restore.h"
#include "monitor/engine_pick.h"
#include "monitor/guest_mount.h"
#include "monitor/monitor.h"
#include "store/image.h"

#define MONITOR_LOG_MAX (1 << 20)
#define ENDING_MS       2000

struct spawn {
    const struct guest_config *guest;
    struct guest_dir *dir;
    const struct engine_ops *engine;
    char *engine_why;
    bool fresh;
};

/* ---- the monitor's process ---- */

struct word { /* one message */
    int code;
    char text[560];
};

static void say(int fd, int code, const char *text)
{
    struct word w = {.code = code};
    snprintf(w.text, sizeof(w.text), "%s", text);
    (void)!send(fd, &w, offsetof(struct word, text) + strlen(w.text) + 1,
                MSG_NOSIGNAL); /* who asked may be gone */
}

static void ready(void *ctx, const struct err *e)
{
    int *fd = ctx;
    say(*fd, e ? e->code : 0, e ? e->text : "");
    own_fd(fd);
    *fd = -1;
}

/* Standard streams: nothing, nothing, the log. */
static int redirect(const struct guest_dir *d)
{
    OWN_MEM char *path = guest_dir_file(d, "monitor.log");
    OWN_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
    OWN_FD log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    struct stat st;
    if (null < 0 || log < 0)
        return -errno;
    if (fstat(log, &st) == 0 && st.st_size > MONITOR_LOG_MAX && ftruncate(log, 0) < 0)
        return -errno;
    return dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0 ? -errno : 0;
}

/* All but the standard streams and two of ours. */
static void close_others(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;
    close_range(3, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0u, 0);
}

static void default_signals(void)
{
    for (int s = 1; s < SIGRTMIN; s++)
        signal(s, SIG_DFL); /* KILL and STOP refuse; never mind */
    sigset_t none;
    sigemptyset(&none);
    sigaddset(&none, SIGTERM); /* taken up by the loop once it runs */
    sigaddset(&none, SIGINT);
    sigaddset(&none, SIGHUP);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * A light jail: nothing gained by exec, no cores with a guest's memory in them. What a container's programs
 * may gain is its own affair.
 */
static void shed(const char *name, enum guest_kind kind)
{
    const struct rlimit none = {0, 0};
    char title[16];
    snprintf(title, sizeof(title), "hospes:%s", name);
    prctl(PR_SET_NAME, title);
    if (kind == GUEST_MACHINE) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &none);
    }
    umask(077);
    if (chdir("/") < 0)
        log_warn("chdir /: %s", strerror(errno));
}

_Noreturn static void be_monitor(struct spawn *s, int fd)
{
    default_signals();
    shed(s->dir->name, s->guest->kind);
    int rc = redirect(s->dir);
    close_others(fd, s->dir->lock);
    log_to(STDERR_FILENO, LOG_INFO);
    say(fd, (int)getpid(), "");
    if (rc < 0) {
        say(fd, rc, "its log cannot be written");
        _exit(1);
    }
    static int (*const monitors[])(const struct monitor_config *c) = {
        [GUEST_MACHINE] = monitor_run,
        [GUEST_CONTAINER] = container_monitor_run,
    };
    const struct monitor_config m = {.dir = s->dir,
                                     .guest = s->guest,
                                     .engine = s->engine,
                                     .engine_why = s->engine_why,
                                     .fresh = s->fresh,
                                     .ready = ready,
                                     .ctx = &fd};
    _exit(monitors[s->guest->kind](&m));
}

/* ---- our side ---- */

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return signalfd(-1, &set, SFD_CLOEXEC); /* only polled: they stay pending */
}

/* A word of the monitor's. signals: -1 or what interrupts. -EPIPE: it died; -EINTR. */
static int hear(int fd, int signals, struct word *ret, struct err *e)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (p[1].revents)
            return err_set(e, -EINTR, "interrupted");
        ssize_t got = p[0].revents ? recv(fd, ret, sizeof(*ret), 0) : -1;
        if (got == 0)
            return err_set(e, -EPIPE, "the monitor died while it started");
        if (got > (ssize_t)offsetof(struct word, text))
            return 0; /* its text ends with a 0: it is our own program that sent it */
    }
}

static int await(int fd, int *ret_pidfd, struct err *e)
{
    OWN_FD signals = signals_open();
    struct word w;
    if (signals < 0)
        return err_sys(e, "signals");
    int rc = hear(fd, -1, &w, e); /* at once, and needed to put it down */
    if (rc < 0)
        return rc;
    *ret_pidfd = (int)syscall(SYS_pidfd_open, w.code, 0);
    rc = hear(fd, signals, &w, e);
    if (rc < 0 || w.code == 0)
        return rc;
    return err_set(e, w.code < 0 ? w.code : -EIO, "%s", w.text);
}

static void record_stopped(const struct guest_dir *d)
{
    OWN(json_t) about = NULL;
    OWN(json_t) stopped = json_pack("{s:s}", "state", "stopped");
    const char *state;
    if (guest_dir_load(d, &about, NULL) == 0 && json_opt_string(about, "state", "", &state, NULL) == 0 &&
        strcmp(state, "running") == 0)
        guest_dir_record(d, stopped, NULL);
}

static bool has_ended(int pidfd, int timeout_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int n;
    while ((n = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR)
        ;
    return n != 0;
}

/*
 * A container's monitor is asked first: it finishes what it has begun, and takes it back. One that is killed
 * leaves what there is of its container to us.
 */
static void end_monitor(const struct spawn *s, int pidfd)
{
    bool container = s->guest->kind == GUEST_CONTAINER;
    if (pidfd < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, container ? SIGTERM : SIGKILL, NULL, 0);
    if (container && has_ended(pidfd, ENDING_MS))
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    (void)has_ended(pidfd, -1);
    if (container)
        container_sweep(s->dir);
}

/* The monitor did not come up. */
static void put_down(struct spawn *s, int pidfd)
{
    end_monitor(s, pidfd);
    if (s->fresh)
        guest_dir_remove(s->dir, NULL);
    else
        record_stopped(s->dir);
    guest_dir_unlock(s->dir);
}

static void fork_again(struct spawn *s, int fd)
{
    setsid();
    if (fork() == 0)
        be_monitor(s, fd);
    _exit(0);
}

static int launch(struct spawn *s, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socket pair");
    OWN_FD from = pair[0];
    OWN_FD monitor = -1;
    pid_t child = fork();
    if (child == 0)
        fork_again(s, pair[1]);
    int rc = child < 0 ? err_sys(e, "fork") : 0;
    close(pair[1]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (rc == 0)
        rc = await(from, &monitor, e);
    if (rc < 0)
        put_down(s, monitor);
    return rc;
}

static void warn(const char *line)
{
    log_warn("%s", line);
}

/* What was chosen is told once it runs: trouble is one line, its own. */
static int launch_and_tell(struct spawn *s, struct err *e)
{
    int rc = launch(s, e);
    if (rc == 0 && s->engine_why)
        log_info("%s", s->engine_why);
    return rc;
}

static int choose_engine(struct spawn *s, struct err *e)
{
    if (s->guest->kind == GUEST_CONTAINER)
        return 0; /* it has none */
    return engine_pick(s->guest->engine, &s->engine, &s->engine_why, e);
}

/* ---- new guests ---- */

/* Files are named by the caller's folder, the monitor's is another. */
static int absolute(const char **path, char **keep, struct err *e)
{
    if (!*path)
        return 0;
    *keep = realpath(*path, NULL);
    if (!*keep)
        return err_sys(e, "open %s", *path);
    if (access(*keep, R_OK) < 0)
        return err_sys(e, "open %s", *path);
    *path = *keep;
    return 0;
}

static int check_mounts(const struct guest_config *c, struct err *e)
{
    for (const char *const *p = c->container.mounts; p && *p; p++) {
        OWN_MOUNT m = {0};
        int rc = guest_mount_parse(*p, &m, e);
        if (rc == 0 && access(m.from, F_OK) < 0)
            rc = err_sys(e, "mount %s", m.from);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int spawn(struct guest_config *c, struct spawn *s, struct err *e)
{
    OWN_MEM char *kernel = NULL;
    OWN_MEM char *initrd = NULL;
    OWN(image) image = NULL;
    OWN_FD hold = -1;
    int rc;
    if ((rc = guest_check(c, e)) < 0 || (rc = absolute(&c->kernel, &kernel, e)) < 0 ||
        (rc = absolute(&c->initrd, &initrd, e)) < 0 || (rc = check_mounts(c, e)) < 0 ||
        (rc = guest_check_host(c, warn, e)) < 0)
        return rc;
    if (c->image && ((rc = image_open(c->image, &image, e)) < 0 || (rc = image_hold(image, &hold, e)) < 0))
        return rc;
    if ((rc = choose_engine(s, e)) < 0 || (rc = guest_dir_create(c, &s->dir, e)) < 0)
        return rc;
    c->name = s->dir->name;
    return launch_and_tell(s, e);
}

int monitor_spawn(const struct guest_config *c, char **ret_name, struct err *e)
{
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    struct guest_config mine = *c;
    struct spawn s = {.guest = &mine, .fresh = true};
    int rc = spawn(&mine, &s, e);
    char *name = rc == 0 ? strdup(s.dir->name) : NULL;
    guest_dir_free(s.dir);
    free(s.engine_why);
    if (rc == 0)
        *ret_name = name;
    return rc;
}

/* ---- those that are there ---- */

static int start(struct spawn *s, struct guest_config *c, bool attach, struct err *e)
{
    OWN(json_t) about = NULL;
    int rc;
    if ((rc = container_restore_finish(s->dir, e)) < 0 || (rc = guest_dir_load(s->dir, &about, e)) < 0 ||
        (rc = guest_parse(about, c, e)) < 0)
        return err_wrap(e, "guest %s", s->dir->name);
    c->name = s->dir->name;
    if (c->kind == GUEST_CONTAINER)
        c->detach = !attach;
    else if (attach)
        return err_set(e, -EOPNOTSUPP, "a machine has no command to join; its console it has");
    if ((rc = guest_check_host(c, warn, e)) < 0 || (rc = choose_engine(s, e)) < 0)
        return rc;
    return launch_and_tell(s, e);
}

int monitor_start(const char *name, bool attach, struct err *e)
{
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    OWN_GUEST c = {0};
    OWN(guest_dir) d = NULL;
    struct spawn s = {.guest = &c};
    int rc;
    if ((rc = guest_dir_open(name, &d, e)) < 0 || (rc = guest_dir_lock(d, e)) < 0)
        return rc;
    s.dir = d;
    rc = start(&s, &c, attach, e);
    free(s.engine_why);
    if (rc < 0)
        guest_dir_unlock(d);
    return rc;
}

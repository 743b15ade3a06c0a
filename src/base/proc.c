// SPDX-License-Identifier: GPL-2.0-or-later
/* proc: see proc.h. */
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/own.h"

#define LINE     4608  /* a path fits */
#define GRACE_MS 20000 /* from SIGTERM to SIGKILL */

/* ---- Ctrl-C ---- */

/*
 * The kernel keeps a blocked signal pending even if it is ignored (nohup, a shell's background jobs), so
 * those must not be among them.
 */
static sigset_t interrupts(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t s;
    sigemptyset(&s);
    for (unsigned i = 0; i < 3; i++) {
        struct sigaction sa;
        if (sigaction(signals[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
            sigaddset(&s, signals[i]);
    }
    return s;
}

void interrupt_hold(struct interrupt *i)
{
    sigset_t s = interrupts();
    pthread_sigmask(SIG_BLOCK, &s, &i->old);
}

void interrupt_release(const struct interrupt *i)
{
    pthread_sigmask(SIG_SETMASK, &i->old, NULL);
}

bool interrupt_pending(void)
{
    sigset_t s, set = interrupts();
    sigpending(&s);
    return sigandset(&s, &s, &set) == 0 && !sigisemptyset(&s);
}

/* ---- lines ---- */

/* Bytes in, lines out; an overlong line is cut. A carriage return ends a line as well (progress of other
 * programs). */
struct lines {
    char text[LINE];
    size_t len;
    char last[LINE]; /* the last line that was not blank */
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

static void end_line(struct lines *l)
{
    l->text[l->len] = 0;
    l->len = 0;
    if (strspn(l->text, " \t") == strlen(l->text))
        return;
    memcpy(l->last, l->text, sizeof(l->last));
    if (l->line)
        l->line(l->ctx, l->text);
}

static void feed(struct lines *l, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '\n' || c == '\r')
            end_line(l);
        else if (l->len < sizeof(l->text) - 1)
            l->text[l->len++] = (char)(c < ' ' ? ' ' : c);
    }
}

/* ---- the child ---- */

struct child {
    pid_t pid;
    int pidfd, signals;
    int pipe[2]; /* its stdout (or -1) and stderr, our ends */
    struct lines lines[2];
    const struct proc_config *c;
};

char *proc_find(const char *name)
{
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? strdup(name) : NULL;
    const char *path = getenv("PATH");
    OWN_MEM char *all = path_make("%s:/usr/sbin:/sbin", path && *path ? path : "/usr/bin:/bin");
    char *rest = all, *dir;
    while (rest && (dir = strsep(&rest, ":"))) {
        OWN_MEM char *file = path_make("%s/%s", *dir ? dir : ".", name);
        if (file && access(file, X_OK) == 0)
            return take(file);
    }
    return NULL;
}

/* What the child is to be, told to the process that becomes it. */
struct birth {
    const struct proc_config *c;
    const char *file;
    int in, out, err;
    sigset_t mask;
};

/*
 * Only async-signal-safe calls from here to exec, but for putenv, whose locks nobody holds across fork
 * here.
 */
_Noreturn static void become(const struct birth *b)
{
    const struct proc_config *c = b->c;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(b->in, 0) < 0 || dup2(b->out, 1) < 0 || dup2(b->err, 2) < 0)
        _exit(127);
    if (c->own_mounts && unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    for (const char *const *v = c->env; v && *v; v++)
        putenv((char *)*v);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &b->mask, NULL);
    if (c->dir && chdir(c->dir) < 0) {
        dprintf(2, "%s: %s\n", c->dir, strerror(errno));
        _exit(127);
    }
    execv(b->file, (char *const *)c->argv);
    dprintf(2, "%s\n", strerror(errno));
    _exit(127);
}

/* ---- the warden ---- */

_Noreturn static void end_like(int status)
{
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        prctl(PR_SET_DUMPABLE, 0); /* the core is the program's, not ours */
        sigset_t all;
        sigfillset(&all);
        raise(WTERMSIG(status));
        sigprocmask(SIG_UNBLOCK, &all, NULL);
    }
    _exit(WEXITSTATUS(status));
}

/* We were killed, and nobody is left to wait for: the same end for the program that an interrupt brings. */
_Noreturn static void bury(const sigset_t *set)
{
    const struct timespec grace = {.tv_sec = GRACE_MS / 1000};
    kill(0, SIGTERM); /* blocked here */
    while (sigtimedwait(set, NULL, &grace) == SIGTERM)
        ;
    kill(0, SIGKILL);
    _exit(1);
}

/*
 * A process of ours between us and the program, first of its group: were we killed without a word, it still
 * ends the whole group. It keeps our descriptors, and so our locks, until then.
 */
_Noreturn static void guard(const struct birth *b, pid_t parent)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL); /* ignored, it would never come */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    pid_t pid = fork();
    if (pid < 0)
        _exit(127);
    if (pid == 0)
        become(b);
    close(b->out);
    close(b->err);
    for (int status;;) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            end_like(status);
        if (getppid() != parent)
            bury(&set);
        sigwaitinfo(&set, NULL);
    }
}

/* A descriptor above the standard ones, so that dup2 in the child cannot overwrite it. */
static int raise_fd(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return up;
}

static int start(struct child *k, const char *file, const sigset_t *mask, struct err *e)
{
    const struct proc_config *c = k->c;
    OWN_FD null = raise_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
    int p[2][2] = {{-1, -1}, {-1, -1}};
    if (null < 0 || (c->out_line && !c->out && pipe2(p[0], O_CLOEXEC) < 0) || pipe2(p[1], O_CLOEXEC) < 0)
        return err_sys(e, "%s", c->argv[0]);
    OWN_FD out = raise_fd(p[0][1]);
    OWN_FD err = raise_fd(p[1][1]);
    k->pipe[0] = p[0][0];
    k->pipe[1] = p[1][0];
    struct birth b = {.c = c, .file = file, .err = err, .mask = *mask};
    b.in = c->in ? c->in : null;
    b.out = c->out ? c->out : out >= 0 ? out : null;
    pid_t self = getpid();
    k->pid = fork();
    if (k->pid < 0)
        return err_sys(e, "%s", c->argv[0]);
    if (k->pid == 0)
        guard(&b, self);
    setpgid(k->pid, k->pid); /* whoever is first: it must be so before anybody kills the group */
    k->pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
    if (k->pidfd < 0) {
        int code = -errno;
        kill(-k->pid, SIGKILL);
        return err_code(e, code, "%s", c->argv[0]);
    }
    fcntl(k->pidfd, F_SETFD, FD_CLOEXEC);
    return 0;
}

static void pump(struct child *k, int i)
{
    char data[4096];
    ssize_t n = read(k->pipe[i], data, sizeof(data));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(k->pipe[i]);
        k->pipe[i] = -1;
        return;
    }
    if (k->c->log)
        (void)file_write_all(k->c->log, data, (size_t)n);
    feed(&k->lines[i], data, (size_t)n);
}

/* Until the child has ended (0), or an interrupt (-EINTR) came, or time is up (-ETIMEDOUT; -1: never). */
static int watch(struct child *k, bool interruptible, int timeout_ms)
{
    for (;;) {
        struct pollfd p[] = {
            {.fd = k->pipe[0], .events = POLLIN},
            {.fd = k->pipe[1], .events = POLLIN},
            {.fd = k->pidfd, .events = POLLIN},
            {.fd = interruptible ? k->signals : -1, .events = POLLIN},
        };
        int n = poll(p, 4, timeout_ms);
        if (n == 0)
            return -ETIMEDOUT;
        if (n < 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (p[i].revents)
                pump(k, i);
        if (p[3].revents)
            return -EINTR;
        if (p[2].revents && !p[0].revents && !p[1].revents)
            return 0; /* what it said is read; a grandchild that still holds the pipe is not waited for */
    }
}

static int result(struct child *k, int status, struct err *e)
{
    const char *name = k->c->argv[0], *last = k->lines[1].last;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (strncmp(last, name, strlen(name)) == 0 && last[strlen(name)] == ':')
        return err_set(e, -EIO, "%s", last); /* many programs say their name themselves */
    if (*last)
        return err_set(e, -EIO, "%s: %s", name, last);
    if (WIFSIGNALED(status))
        return err_set(e, -EIO, "%s: ended by signal %d (%s)", name, WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    return err_set(e, -EIO, "%s: exit status %d", name, WEXITSTATUS(status));
}

/* The group goes while its leader is not waited for yet: until then nobody else can get its number. */
static int reap(struct child *k)
{
    siginfo_t info;
    while (waitid(P_PID, (id_t)k->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    kill(-k->pid, SIGKILL);
    int status = 0;
    while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int finish(struct child *k, struct err *e)
{
    int rc = watch(k, !k->c->stubborn, -1);
    if (rc < 0) {
        kill(-k->pid, SIGTERM);
        if (watch(k, false, GRACE_MS) < 0)
            kill(-k->pid, SIGKILL);
    }
    int status = reap(k);
    for (int i = 0; i < 2; i++)
        end_line(&k->lines[i]);
    if (rc < 0 || (!k->c->stubborn && interrupt_pending()))
        return err_set(e, -EINTR, "%s: interrupted", k->c->argv[0]);
    return result(k, status, e);
}

static void close_all(struct child *k)
{
    own_fd(&k->pidfd);
    own_fd(&k->signals);
    own_fd(&k->pipe[0]);
    own_fd(&k->pipe[1]);
}

int proc_run(const struct proc_config *c, struct err *e)
{
    OWN_MEM char *file = proc_find(c->argv[0]);
    if (!file)
        return err_set(e, -ENOENT, "%s: program not found (is it installed?)", c->argv[0]);
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    sigset_t set = interrupts(), mask = held.old;
    sigdelset(&mask, SIGINT); /* an outer hold is ours, not the child's */
    sigdelset(&mask, SIGTERM);
    sigdelset(&mask, SIGHUP);
    struct child k = {.c = c, .pidfd = -1, .pipe = {-1, -1}};
    k.lines[0] = (struct lines){.line = c->out_line, .ctx = c->ctx};
    k.lines[1] = (struct lines){.line = c->err_line, .ctx = c->ctx};
    k.signals = signalfd(-1, &set, SFD_CLOEXEC); /* only polled: the signals stay pending */
    int rc = k.signals < 0 ? err_sys(e, "%s", c->argv[0]) : start(&k, file, &mask, e);
    if (rc == 0)
        rc = finish(&k, e);
    else if (k.pid > 0)
        reap(&k);
    close_all(&k);
    return rc;
}

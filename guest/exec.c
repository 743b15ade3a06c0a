// SPDX-License-Identifier: GPL-2.0-or-later
/* exec: see exec.h. */
#include "guest/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/fields.h"
#include "base/own.h"
#include "guest/user.h"

#define TTY_BUFFER (128u << 10) /* more than the kernel keeps for a terminal */

#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* All that the child needs, made before the fork so that it has nothing left to fail at. */
struct plan {
    struct user user;
    bool become; /* the agent is root and can become somebody */
    const char *cwd;
    char **argv;           /* NULL-terminated, the strings are the request's */
    char **env;            /* the same */
    const char *file;      /* what to execute */
    char login[272];       /* "-bash": how a login shell knows that it is one */
    char defaults[5][300]; /* environment that the request may override */
};

static void plan_fini(struct plan *p)
{
    free(p->argv);
    free(p->env);
}

/* ---- plan ---- */

static size_t count(const void *request, size_t len, const char *name)
{
    size_t n = 0;
    for (const char *v = fields_get(request, len, name); v; v = fields_next(request, len, name, v))
        n++;
    return n;
}

static char **collect(const void *request, size_t len, const char *name, size_t spare)
{
    char **list = calloc(count(request, len, name) + spare + 1, sizeof(*list));
    size_t n = 0;
    for (const char *v = fields_get(request, len, name); list && v; v = fields_next(request, len, name, v))
        list[n++] = (char *)v;
    return list;
}

/* Put setting in unless its name is there already; the list has room. */
static void set_default(char **env, const char *setting)
{
    size_t name = strcspn(setting, "=") + 1;
    for (; *env; env++)
        if (!strncmp(*env, setting, name))
            return;
    *env = (char *)setting;
}

static void set_defaults(struct plan *p, bool tty)
{
    const struct user *u = &p->user;
    snprintf(p->defaults[0], sizeof(p->defaults[0]), "HOME=%s", u->home);
    snprintf(p->defaults[1], sizeof(p->defaults[1]), "USER=%s", u->name);
    snprintf(p->defaults[2], sizeof(p->defaults[2]), "LOGNAME=%s", u->name);
    snprintf(p->defaults[3], sizeof(p->defaults[3]), "SHELL=%s", u->shell);
    unsigned names = u->name[0] ? 4 : 1;
    for (unsigned i = 0; i < names; i++)
        set_default(p->env, p->defaults[i]);
    set_default(p->env, PATH);
    if (tty)
        set_default(p->env, "TERM=xterm-256color");
}

static void choose_program(struct plan *p)
{
    p->file = p->argv[0];
    if (p->file)
        return;
    const char *slash = strrchr(p->user.shell, '/');
    p->file = p->user.shell;
    snprintf(p->login, sizeof(p->login), "-%s", slash ? slash + 1 : p->user.shell);
    p->argv[0] = p->login;
}

static int plan_make(const void *request, size_t len, bool tty, struct plan *p, struct err *e)
{
    const char *who = fields_get(request, len, "user");
    const char *itself = geteuid() == 0 ? "0" : NULL;
    char own[24];
    if (!itself) {
        snprintf(own, sizeof(own), "%u", geteuid());
        itself = own;
    }
    if (user_find(who && *who ? who : itself, "/etc/passwd", "/etc/group", &p->user, e) < 0)
        return e->code;
    p->become = (who && *who) || geteuid() == 0;
    p->cwd = fields_get(request, len, "cwd");
    p->argv = collect(request, len, "arg", 1);
    p->env = collect(request, len, "env", 8);
    if (!p->argv || !p->env)
        return err_code(e, -ENOMEM, "execute a command");
    set_defaults(p, tty);
    choose_program(p);
    return 0;
}

/* ---- streams: theirs[] are the child's 0, 1 and 2 ---- */

struct streams {
    int ours[3], theirs[3];
};

static void streams_close(struct streams *s)
{
    for (unsigned i = 0; i < 3; i++) {
        own_fd(&s->ours[i]);
        if (i == 0 || s->theirs[i] != s->theirs[0])
            own_fd(&s->theirs[i]);
    }
}

static int dont_block(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int open_pipes(bool has_stdin, struct streams *s, struct err *e)
{
    for (unsigned i = 0; i < 3; i++) {
        int p[2];
        if (i == 0 && !has_stdin) {
            s->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (s->theirs[0] < 0)
                return err_sys(e, "open /dev/null");
            continue;
        }
        if (pipe2(p, O_CLOEXEC) < 0)
            return err_sys(e, "make a pipe");
        s->ours[i] = i == 0 ? p[1] : p[0];
        s->theirs[i] = i == 0 ? p[0] : p[1];
        if (dont_block(s->ours[i]) < 0)
            return err_sys(e, "make a pipe");
    }
    return 0;
}

static int open_nothing(struct streams *s, struct err *e)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open /dev/null");
    s->theirs[0] = s->theirs[1] = s->theirs[2] = fd;
    return 0;
}

static int open_slave(int master)
{
    int zero = 0;
    if (ioctl(master, TIOCSPTLCK, &zero) < 0)
        return -1;
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int open_tty(const struct user *u, struct winsize size, struct streams *s, struct err *e)
{
    s->ours[1] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->ours[1] < 0)
        return err_sys(e, "open /dev/ptmx");
    int slave = open_slave(s->ours[1]);
    if (slave < 0)
        return err_sys(e, "open a terminal");
    s->theirs[0] = s->theirs[1] = s->theirs[2] = slave;
    /* A terminal belongs to who sits at it; an agent without the right to say so runs as that user anyway. */
    if (fchown(slave, u->uid, (gid_t)-1) < 0 || fchmod(slave, 0620) < 0)
        errno = 0;
    if (size.ws_col && size.ws_row)
        ioctl(s->ours[1], TIOCSWINSZ, &size);
    return 0;
}

/* ---- child ---- */

static void stop(const char *what, const char *name)
{
    int status = errno == ENOENT ? 127 : 126;
    dprintf(STDERR_FILENO, "hospes: %s%s: %s\n", what, name, strerror(errno));
    _exit(status);
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The agent may be exempt from being killed for memory; its children must not inherit that. */
static void be_mortal(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "0", 1) < 0)
        errno = 0;
    close(fd);
}

_Noreturn static void child(const struct plan *p, bool tty, const struct streams *s)
{
    be_mortal();
    setsid();
    umask(022);
    for (int i = 0; i < 3; i++)
        if (dup2(s->theirs[i], i) < 0)
            _exit(126);
    if (tty)
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    default_signals();
    int rc = p->become ? user_become(&p->user) : 0;
    if (rc < 0) {
        errno = -rc;
        stop("become user ", p->user.name);
    }
    if (p->cwd && *p->cwd) {
        if (chdir(p->cwd) < 0) {
            dprintf(STDERR_FILENO, "hospes: folder %s: %s\n", p->cwd, strerror(errno));
            _exit(126);
        }
    } else if (chdir(p->user.home) < 0 && chdir("/") < 0) {
        stop("folder ", "/");
    }
    environ = p->env;
    execvp(p->file, p->argv);
    stop("", p->file);
    _exit(126);
}

/* ---- the agent's side ---- */

int exec_start(const void *request, size_t len, struct exec_child *ret, struct err *e)
{
    bool detach = fields_number(request, len, "detach", 1, 0);
    bool tty = !detach && fields_number(request, len, "tty", 1, 0);
    bool has_stdin = fields_number(request, len, "stdin", 1, 0);
    struct winsize size = {
        .ws_col = (unsigned short)fields_number(request, len, "cols", UINT16_MAX, 0),
        .ws_row = (unsigned short)fields_number(request, len, "rows", UINT16_MAX, 0),
    };
    __attribute__((cleanup(plan_fini))) struct plan p = {0};
    __attribute__((cleanup(streams_close))) struct streams s = {{-1, -1, -1}, {-1, -1, -1}};
    if (plan_make(request, len, tty, &p, e) < 0)
        return e->code;
    int rc = detach ? open_nothing(&s, e)
             : tty  ? open_tty(&p.user, size, &s, e)
                    : open_pipes(has_stdin, &s, e);
    if (rc < 0)
        return rc;
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "start a process");
    if (pid == 0)
        child(&p, tty, &s);
    *ret = (struct exec_child){
        .pid = detach ? 0 : pid,
        .tty = tty,
        .in = take_fd(&s.ours[0]),
        .out = take_fd(&s.ours[1]),
        .err = take_fd(&s.ours[2]),
        .slave = -1,
    };
    if (tty) {
        ret->slave = s.theirs[0];
        s.theirs[0] = s.theirs[1] = s.theirs[2] = -1;
    }
    return 0;
}

void exec_resize(const struct exec_child *c, uint16_t cols, uint16_t rows)
{
    struct winsize size = {.ws_col = cols, .ws_row = rows};
    if (c->tty && c->out >= 0)
        ioctl(c->out, TIOCSWINSZ, &size);
}

void exec_signal(const struct exec_child *c, int number)
{
    if (c->pid <= 0 || number < 1 || number >= NSIG)
        return;
    if (kill(-c->pid, number) < 0)
        kill(c->pid, number); /* just forked: no group of its own yet */
    pid_t foreground = c->tty && c->out >= 0 ? tcgetpgrp(c->out) : -1;
    if (foreground > 1 && foreground != c->pid)
        kill(-foreground, number);
}

/* A terminal has no end of file; the character that stands for it does the same where lines are edited. */
static void type_eof(int master)
{
    struct termios t;
    if (tcgetattr(master, &t) == 0 && (t.c_lflag & ICANON) && t.c_cc[VEOF] &&
        write(master, &t.c_cc[VEOF], 1) < 0)
        errno = 0;
}

void exec_end_stdin(struct exec_child *c)
{
    if (c->tty && c->out >= 0)
        type_eof(c->out);
    own_fd(&c->in);
    c->in = -1;
}

void exec_leader_ended(struct exec_child *c)
{
    own_fd(&c->in);
    own_fd(&c->slave);
    c->in = c->slave = -1;
    c->pid = 0;
}

size_t exec_unread(const struct exec_child *c, int fd)
{
    int n = 0;
    if (c->tty)
        return TTY_BUFFER; /* what is on its way through the line discipline is not counted anywhere */
    if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0 || n < 0)
        return 0;
    return (size_t)n;
}

void exec_close(struct exec_child *c)
{
    exec_signal(c, SIGHUP);
    exec_signal(c, SIGCONT);
    pid_t pid = c->pid;
    exec_leader_ended(c);
    c->pid = pid; /* it is still to be waited for */
    own_fd(&c->out);
    own_fd(&c->err);
    c->out = c->err = -1;
}

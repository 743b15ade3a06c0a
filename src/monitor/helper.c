// SPDX-License-Identifier: GPL-2.0-or-later
/* helper: see helper.h. */
#include "monitor/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "container/fdpass.h"

#define PATIENCE_MS 20000 /* a process that cannot be made in this time will not be */

struct ends {                  /* both sides of each stream */
    int in[2], out[2], err[2]; /* [0] read, [1] write */
    int socket;                /* listens for the terminal */
    int said[2];               /* what the child has to tell: "CODE TEXT" */
};

static void close_pair(int p[2])
{
    own_fd(&p[0]);
    own_fd(&p[1]);
    p[0] = p[1] = -1;
}

static void ends_fini(struct ends *s)
{
    close_pair(s->in);
    close_pair(s->out);
    close_pair(s->err);
    close_pair(s->said);
    own_fd(&s->socket);
}
#define OWN_ENDS __attribute__((cleanup(ends_fini))) struct ends

/* ---- opening ---- */

static int listen_at(const char *path, struct err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    OWN_FD s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    if (snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= (int)sizeof(at.sun_path))
        return err_code(e, -ENAMETOOLONG, "socket %s", path);
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 1) < 0)
        return err_sys(e, "socket %s", path);
    return take_fd(&s);
}

static int open_pipes(const struct helper *h, struct ends *s, struct err *e)
{
    if ((h->input && pipe2(s->in, O_CLOEXEC) < 0) || pipe2(s->out, O_CLOEXEC) < 0 ||
        pipe2(s->err, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    const int theirs[] = {s->in[0], s->out[1], s->err[1]};
    for (int i = 0; i < 3; i++)
        if (theirs[i] >= 0 && fchown(theirs[i], h->uid, h->gid) < 0 && errno != EINVAL && errno != EPERM)
            return err_sys(e, "pipe");
    const int ours[] = {s->in[1], s->out[0], s->err[0]};
    for (int i = 0; i < 3; i++)
        if (ours[i] >= 0 && fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            return err_sys(e, "pipe");
    return 0;
}

static int open_ends(const struct helper *h, struct ends *s, struct err *e)
{
    if (pipe2(s->said, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    if (!h->tty)
        return open_pipes(h, s, e);
    s->socket = listen_at(h->tty_path, e);
    return s->socket < 0 ? s->socket : 0;
}

/* ---- the child ---- */

/* Streams to 0, 1, 2; what it says to 3, the log to 4; all else is closed at exec. */
static int settle(const struct ends *s)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int from[] = {s->in[0] >= 0 ? s->in[0] : null, s->out[1] >= 0 ? s->out[1] : null,
                        s->err[1] >= 0 ? s->err[1] : null, s->said[1], STDERR_FILENO};
    int high[5];
    for (int i = 0; i < 5; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 100)) < 0)
            return -errno;
    for (int i = 0; i < 5; i++)
        if (dup2(high[i], i) < 0)
            return -errno;
    close_range(5, ~0u, 0);
    return 0;
}

_Noreturn static void child(pid_t parent, const char **argv, const struct ends *s)
{
    /* A container without a monitor is nobody's: what is half made is found by the next one who looks. */
    if (settle(s) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    umask(022);
    dprintf(3, "%d hospes-oci cannot be run", runtime_exec(argv));
    _exit(1);
}

/* ---- our side ---- */

static int end_of(pid_t pid, int *ret_status, struct err *e)
{
    OWN_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int rc = pidfd < 0 ? -1 : 0;
    while (rc == 0 && (rc = poll(&p, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        rc = 0;
    if (rc <= 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    return rc > 0 ? 0 : err_set(e, -ETIMEDOUT, "the process could not be made in time");
}

/* "create: no such thing", which the caller's own words say better */
static const char *without_command(const char *text, const char *command)
{
    size_t n = strlen(command);
    return strncmp(text, command, n) == 0 && text[n] == ':' && text[n + 1] == ' ' ? text + n + 2 : text;
}

/* Its end is looked for, not the pipe's: what it made may hold that one open for longer. */
static int await(pid_t pid, int said, const char *command, struct err *e)
{
    char text[600];
    int status = 0;
    struct pollfd p = {.fd = said, .events = POLLIN};
    int rc = end_of(pid, &status, e);
    if (rc < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return rc;
    ssize_t n = poll(&p, 1, 0) > 0 ? read(said, text, sizeof(text) - 1) : 0;
    if (n <= 0)
        return err_set(e, -EIO, "the process could not be made");
    text[n] = 0;
    char *rest;
    int code = (int)strtol(text, &rest, 10);
    return err_set(e, code < 0 ? code : -EIO, "%s", without_command(*rest ? rest + 1 : "", command));
}

static int take_terminal(const struct ends *s, struct helper_streams *ret, struct err *e)
{
    char name[64];
    OWN_FD from = accept4(s->socket, NULL, NULL, SOCK_CLOEXEC);
    int master = -1;
    if (from < 0 || fd_recv(from, name, sizeof(name), &master) < 0 || master < 0)
        return err_set(e, -EIO, "no terminal came");
    int again = fcntl(master, F_DUPFD_CLOEXEC, 3);
    if (again < 0 || fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
        close(master);
        own_fd(&again);
        return err_sys(e, "terminal");
    }
    *ret = (struct helper_streams){.in = again, .out = master, .err = -1};
    return 0;
}

int helper_make(const struct helper *h, struct helper_streams *ret, struct err *e)
{
    OWN_ENDS s = {{-1, -1}, {-1, -1}, {-1, -1}, -1, {-1, -1}};
    OWN_MEM const char **argv = runtime_argv(&h->call);
    int rc = argv ? open_ends(h, &s, e) : err_code(e, -ENOMEM, "runtime");
    if (rc < 0)
        return rc;
    pid_t self = getpid(), pid = vfork(); /* it only moves descriptors, and they are its own */
    if (pid == 0)
        child(self, argv, &s);
    if (pid < 0)
        return err_sys(e, "fork");
    own_fd(&s.said[1]);
    s.said[1] = -1;
    rc = await(pid, s.said[0], h->call.command, e);
    if (rc == 0 && h->tty)
        rc = take_terminal(&s, ret, e);
    else if (rc == 0)
        *ret = (struct helper_streams){take_fd(&s.in[1]), take_fd(&s.out[0]), take_fd(&s.err[0])};
    if (h->tty)
        unlink(h->tty_path);
    return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* hooks: see hooks.h. Source: OCI runtime-spec 1.2, config.md, "POSIX-platform Hooks". */
#include "container/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static const char *const names[HOOK_POINTS] = {"prestart",       "createRuntime", "createContainer",
                                               "startContainer", "poststart",     "poststop"};

/* The state as a file: a pipe could fill up before the hook reads. */
static int state_file_of(const struct state *s, enum status status, struct err *e)
{
    OWN(json_t) j = state_public(s, status);
    if (j && status == STATUS_STOPPED)
        json_object_set_new(j, "pid", json_integer(s->pid));
    OWN_MEM char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    OWN_FD fd = memfd_create("state", MFD_CLOEXEC);
    int rc = !text || fd < 0 ? -ENOMEM : file_write_all(fd, text, strlen(text));
    if (rc < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_code(e, rc < 0 ? rc : -errno, "state for the hook");
    return take_fd(&fd);
}

_Noreturn static void become(const struct hook *h, int in)
{
    static const char *const none[] = {NULL};
    const char *const self[] = {h->path, NULL};
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    dup2(in, 0);
    execve(h->path, (char *const *)(h->args.nr ? h->args.item : (const char **)self),
           (char *const *)(h->env.nr ? h->env.item : (const char **)none));
    dprintf(2, "%s: %s\n", h->path, strerror(errno));
    _exit(127);
}

static int wait_for(pid_t pid, unsigned timeout_s, int *ret_status)
{
    OWN_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int n = timeout_s ? poll(&p, 1, (int)(timeout_s < 2000000 ? timeout_s * 1000 : -1u)) : 1;
    if (n == 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return n == 0 ? -ETIMEDOUT : 0;
}

static int run(const struct hook *h, const struct state *s, enum status status, struct err *e)
{
    OWN_FD in = state_file_of(s, status, e);
    if (in < 0)
        return in;
    int code = 0;
    pid_t pid = fork();
    if (pid == 0)
        become(h, in);
    int rc = pid < 0 ? -errno : wait_for(pid, h->timeout_s, &code);
    if (rc < 0)
        return err_code(e, rc, "%s", h->path);
    if (WIFSIGNALED(code))
        return err_set(e, -EIO, "%s: ended by signal %d", h->path, WTERMSIG(code));
    return WEXITSTATUS(code) ? err_set(e, -EIO, "%s: exit status %d", h->path, WEXITSTATUS(code)) : 0;
}

int hooks_run(const struct config *c, enum hook_point point, const struct state *s, enum status status,
              struct err *e)
{
    for (unsigned i = 0; i < c->hooks[point].nr; i++)
        if (run(&c->hooks[point].item[i], s, status, e) < 0)
            return err_wrap(e, "hooks.%s[%u]", names[point], i);
    return 0;
}

void hooks_run_all(const struct config *c, enum hook_point point, const struct state *s, enum status status)
{
    for (unsigned i = 0; i < c->hooks[point].nr; i++) {
        struct err e = {0};
        if (run(&c->hooks[point].item[i], s, status, &e) < 0)
            log_warn("hooks.%s[%u]: %s", names[point], i, e.text);
    }
}

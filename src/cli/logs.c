// SPDX-License-Identifier: GPL-2.0-or-later
/* logs: what a guest wrote to its serial port, also after its end. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/own.h"
#include "cli/verbs.h"
#include "monitor/client.h"

#define LOOK_MS 200

struct logs_args {
    bool follow, monitor;
    const char *tail; /* lines; NULL: all */
};

/* What was appended since the last time. Returns the bytes, or -errno. */
static ssize_t copy_new(int fd, struct err *e)
{
    char piece[16384];
    ssize_t n, all = 0;
    while ((n = read(fd, piece, sizeof(piece))) > 0) {
        if (fwrite(piece, 1, (size_t)n, stdout) != (size_t)n)
            return err_sys(e, "standard output");
        all += n;
    }
    if (n < 0)
        return err_sys(e, "log");
    return fflush(stdout) ? err_sys(e, "standard output") : all;
}

/* To where the last nr lines begin; one that is not ended yet counts. */
static int seek_tail(int fd, unsigned nr, struct err *e)
{
    char piece[4096];
    off_t at = lseek(fd, 0, SEEK_END), end = at;
    for (unsigned seen = 0; at > 0;) {
        size_t n = at > (off_t)sizeof(piece) ? sizeof(piece) : (size_t)at;
        if (pread(fd, piece, n, at - (off_t)n) != (ssize_t)n)
            return err_sys(e, "log");
        for (; n > 0; n--, at--)
            if (piece[n - 1] == '\n' && at != end && ++seen == nr)
                return lseek(fd, at, SEEK_SET) < 0 ? err_sys(e, "log") : 0;
    }
    return lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, "log") : 0;
}

static int begin(const struct logs_args *a, int fd, struct err *e)
{
    unsigned nr;
    if (!a->tail || strcmp(a->tail, "all") == 0)
        return 0;
    int rc = opt_number(a->tail, &nr, e);
    if (rc < 0)
        return err_wrap(e, "--tail");
    return nr ? seek_tail(fd, nr, e) : lseek(fd, 0, SEEK_END) < 0 ? err_sys(e, "log") : 0;
}

/* The log was begun anew when it became too large: go on with the new one. */
static void reopen_if_new(const char *path, int *fd)
{
    struct stat old, now;
    if (fstat(*fd, &old) < 0 || stat(path, &now) < 0)
        return;
    if (old.st_ino == now.st_ino) {
        if (now.st_size < lseek(*fd, 0, SEEK_CUR))
            lseek(*fd, 0, SEEK_SET);
        return;
    }
    int new = open(path, O_RDONLY | O_CLOEXEC);
    if (new < 0)
        return;
    close(*fd);
    *fd = new;
}

static bool has_monitor(const char *name)
{
    OWN(json_t) j = NULL;
    return client_inspect(name, &j, NULL) == 0 && json_is_integer(json_object_get(j, "pid"));
}

/* Until the guest has ended and all was shown. */
static int follow(const char *name, const char *path, int *fd, struct err *e)
{
    bool last = false;
    for (;;) {
        ssize_t n = copy_new(*fd, e);
        if (n < 0)
            return (int)n;
        if (n == 0 && last)
            return 0;
        if (n == 0) {
            poll(NULL, 0, LOOK_MS);
            last = !has_monitor(name);
        }
        reopen_if_new(path, fd);
    }
}

static int logs_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct logs_args *a = args;
    OWN_MEM char *path = NULL;
    (void)argc;
    int rc = client_log(argv[0], a->monitor, &path, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s", path);
    if ((rc = begin(a, fd, e)) < 0)
        return rc;
    if (a->follow)
        return follow(argv[0], path, &fd, e);
    ssize_t n = copy_new(fd, e);
    return n < 0 ? (int)n : 0;
}

static const struct opt logs_opts[] = {
    OPT(logs_args, follow, OPT_FLAG, 'f', NULL, "go on until the guest has ended"),
    OPT(logs_args, tail, OPT_TEXT, 'n', "N", "begin with the last N lines (all)"),
    OPT(logs_args, monitor, OPT_FLAG, 0, NULL, "what its monitor had to tell instead"),
};
const struct verb verb_logs = {
    .name = "logs",
    .operands = "NAME",
    .help = "print what a guest wrote to its serial port",
    VERB_OPTS(logs_opts),
    .args_size = sizeof(struct logs_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = logs_run,
};

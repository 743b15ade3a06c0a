// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_ids: see container_ids.h. The maps are written from outside, by a child that stays behind: only
 * there newuidmap finds that the ranges are ours.
 */
#include "monitor/container_ids.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/own.h"
#include "base/proc.h"
#include "container/ns.h"

/* ---- ranges ---- */

static bool number(const char *text, unsigned long max, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || (*end && *end != '\n') || n > max)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int append(struct id_maps *m, unsigned outside, unsigned count)
{
    unsigned inside = 0;
    for (unsigned i = 0; i < m->nr; i++)
        inside += m->item[i].count;
    if (count == 0 || inside + count < inside)
        return 0;
    struct id_map *more = realloc(m->item, (m->nr + 1) * sizeof(*more));
    if (!more)
        return -ENOMEM;
    m->item = more;
    m->item[m->nr++] = (struct id_map){inside, outside, count};
    return 0;
}

int container_ids_read(FILE *f, const char *name, unsigned own, struct id_maps *ret)
{
    OWN_MEM char *line = NULL;
    size_t size = 0;
    char digits[16];
    struct id_maps m = {0};
    int rc = append(&m, own, 1);
    snprintf(digits, sizeof(digits), "%u", own);
    while (rc == 0 && f && getline(&line, &size, f) > 0) {
        char *rest = line, *who = strsep(&rest, ":"), *first = strsep(&rest, ":");
        unsigned start, count;
        if (!first || !rest || (strcmp(who, name) != 0 && strcmp(who, digits) != 0))
            continue;
        if (number(first, UINT32_MAX, &start) && number(rest, UINT32_MAX - start, &count))
            rc = append(&m, start, count);
    }
    if (rc < 0)
        free(m.item);
    else
        *ret = m;
    return rc;
}

static int read_file(const char *path, unsigned own, struct id_maps *ret)
{
    OWN_FILE f = fopen(path, "re");
    const struct passwd *who = getpwuid(geteuid());
    return container_ids_read(f, who ? who->pw_name : "", own, ret);
}

static unsigned total(const struct id_maps *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->nr; i++)
        n += m->item[i].count;
    return n;
}

/* ---- entering ---- */

static int put(const char *path, const char *text)
{
    OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

/* What everybody may do by himself. */
static int map_self(unsigned uid, unsigned gid)
{
    char text[32];
    int rc = put("/proc/self/setgroups", "deny");
    snprintf(text, sizeof(text), "0 %u 1", uid);
    if (rc == 0)
        rc = put("/proc/self/uid_map", text);
    snprintf(text, sizeof(text), "0 %u 1", gid);
    return rc < 0 ? rc : put("/proc/self/gid_map", text);
}

/* Waits until its parent is in its new namespace. */
_Noreturn static void write_maps(int go, const struct id_maps *uids, const struct id_maps *gids)
{
    struct err e;
    char c;
    if (read(go, &c, 1) != 1)
        _exit(1);
    int rc = ns_write_maps(getppid(), uids, gids, &e);
    if (rc < 0)
        log_warn("%s: the container has one user, root", e.text);
    _exit(rc < 0);
}

static int unshare_mapped(int flags, const struct id_maps *uids, const struct id_maps *gids, bool *ret_mapped,
                          struct err *e)
{
    int p[2], status = -1;
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    OWN_FD from = p[0];
    OWN_FD to = p[1];
    pid_t child = fork();
    if (child == 0) {
        own_fd(&to); /* so that our end is the end */
        write_maps(from, uids, gids);
    }
    int rc = child < 0 ? err_sys(e, "fork") : 0;
    if (rc == 0 && unshare(CLONE_NEWUSER | flags) < 0)
        rc = err_sys(e, "make a user namespace");
    if (rc == 0)
        (void)!write(to, "", 1);
    own_fd(&to);
    to = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_mapped = status == 0;
    return rc;
}

static int enter(int flags, const struct id_maps *uids, const struct id_maps *gids, struct container_ids *ret,
                 struct err *e)
{
    unsigned uid = geteuid(), gid = getegid();
    bool ranges = uids->nr > 1 && gids->nr > 1, mapped = false;
    int rc = ranges ? unshare_mapped(flags, uids, gids, &mapped, e) : 0;
    if (!ranges && unshare(CLONE_NEWUSER | flags) < 0)
        rc = err_sys(e, "make a user namespace");
    if (rc == 0 && !mapped && (rc = map_self(uid, gid)) < 0)
        err_code(e, rc, "ID maps of a user namespace");
    if (rc == 0)
        *ret = mapped ? (struct container_ids){total(uids), total(gids)} : (struct container_ids){1, 1};
    return rc;
}

int container_ids_enter(int flags, struct container_ids *ret, struct err *e)
{
    struct id_maps uids = {0}, gids = {0};
    int rc = read_file("/etc/subuid", geteuid(), &uids);
    if (rc == 0)
        rc = read_file("/etc/subgid", getegid(), &gids);
    rc = rc < 0 ? err_code(e, rc, "ID maps") : enter(flags, &uids, &gids, ret, e);
    free(uids.item);
    free(gids.item);
    return rc;
}

int container_ids_remove(const char *path, struct err *e)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct container_ids ids;
        _exit(container_ids_enter(0, &ids, NULL) < 0 || dir_remove(path, NULL) < 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : err_set(e, -EACCES, "remove %s: some of it belongs to other users", path);
}

/* ---- calls ---- */

#define LOOK_MS 50 /* for an interrupt */

struct call { /* shared with the child */
    struct err e;
    int rc;
    uint8_t ctx[];
};

_Noreturn static void answer(struct call *c, int (*fn)(void *ctx, struct err *e), void *ctx, size_t bytes)
{
    struct container_ids ids;
    c->rc = container_ids_enter(0, &ids, &c->e);
    if (c->rc == 0)
        c->rc = fn(ctx, &c->e);
    memcpy(c->ctx, ctx, bytes);
    _exit(0);
}

/* An interrupt is passed on, once: the child ends as we would. true: it ended by itself. */
static bool await_end(pid_t pid)
{
    int status = -1;
    bool told = false;
    OWN_FD fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (fd >= 0 && poll(&p, 1, LOOK_MS) == 0)
        if (!told && interrupt_pending()) {
            kill(pid, SIGTERM);
            told = true;
        }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

static int call_child(struct call *c, int (*fn)(void *ctx, struct err *e), void *ctx, size_t bytes,
                      struct err *e)
{
    pid_t pid = fork();
    if (pid == 0)
        answer(c, fn, ctx, bytes);
    if (pid < 0)
        return err_sys(e, "fork");
    if (!await_end(pid))
        return err_set(e, -EIO, "a process of ours was killed");
    if (c->rc < 0)
        return err_set(e, c->rc, "%s", c->e.text);
    memcpy(ctx, c->ctx, bytes);
    return 0;
}

int container_ids_call(int (*fn)(void *ctx, struct err *e), void *ctx, size_t bytes, struct err *e)
{
    if (geteuid() == 0)
        return fn(ctx, e);
    struct call *c =
        mmap(NULL, sizeof(*c) + bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED)
        return err_sys(e, "memory");
    int rc = call_child(c, fn, ctx, bytes, e);
    munmap(c, sizeof(*c) + bytes);
    return rc;
}

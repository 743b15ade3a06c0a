// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_systemd: see cgroup_systemd.h. */
#include "container/cgroup_systemd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "container/cgroup_limits.h"

/* ---- names ---- */

static bool is_name(const char *text)
{
    static const char *const good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-";
    return *text && *text != '.' && strspn(text, good) == strlen(text) && strlen(text) < 120;
}

/* "a-b.slice" lies in "a.slice"; "-.slice" is the root of all. */
static bool slice_path(const char *slice, char *ret, size_t size)
{
    size_t len = strlen(slice), used = 0;
    if (len < 7 || strcmp(slice + len - 6, ".slice") != 0)
        return false;
    ret[0] = 0;
    if (strcmp(slice, "-.slice") == 0)
        return true;
    for (size_t i = 1; i <= len - 6; i++)
        if ((slice[i] == '-' || i == len - 6) && used < size) {
            if (slice[i - 1] == '-' || slice[0] == '-')
                return false;
            used += (size_t)snprintf(ret + used, size - used, "/%.*s.slice", (int)i, slice);
        }
    return used < size;
}

int scope_name(const char *path, const char *id, bool user, struct scope *ret, struct err *e)
{
    char text[400], above[192];
    if (path && *path)
        snprintf(text, sizeof(text), "%s", path);
    else
        snprintf(text, sizeof(text), ":hospes:%s", id);
    char *rest = text, *slice = strsep(&rest, ":"), *prefix = strsep(&rest, ":"), *name = rest;
    if (!name)
        return err_set(e, -EINVAL,
                       "linux.cgroupsPath: \"%s\" is not SLICE:PREFIX:NAME, which systemd's cgroups need",
                       path);
    struct scope s;
    snprintf(s.slice, sizeof(s.slice), "%.150s", *slice ? slice : user ? "user.slice" : "system.slice");
    bool whole = strlen(name) > 6 && strcmp(name + strlen(name) - 6, ".slice") == 0;
    snprintf(s.unit, sizeof(s.unit), "%.60s%s%.90s%s", whole ? "" : prefix, *prefix && !whole ? "-" : "",
             name, whole ? "" : ".scope");
    if (!is_name(s.unit) || (strcmp(s.slice, "-.slice") != 0 && !is_name(s.slice)) ||
        !slice_path(s.slice, above, sizeof(above)))
        return err_set(e, -EINVAL, "linux.cgroupsPath: \"%s\" holds no names of a slice and a unit",
                       path ? path : id);
    int n = snprintf(s.path, sizeof(s.path), "%s/%s", above, s.unit);
    if (n < 0 || (size_t)n >= sizeof(s.path))
        return err_code(e, -ENAMETOOLONG, "linux.cgroupsPath");
    *ret = s;
    return 0;
}

/* ---- the request ---- */

#define WORDS_MAX 48

struct request {
    const char *word[WORDS_MAX];
    unsigned nr;
    char numbers[8][24];
    unsigned nr_numbers, properties;
};

static void word(struct request *q, const char *text)
{
    BUG_ON(q->nr >= WORDS_MAX - 1);
    q->word[q->nr++] = text;
}

static const char *number(struct request *q, uint64_t n)
{
    char *text = q->numbers[q->nr_numbers++];
    snprintf(text, sizeof(q->numbers[0]), "%llu", (unsigned long long)n);
    return text;
}

static void property(struct request *q, const char *name, const char *type, const char *value)
{
    word(q, name);
    word(q, type);
    word(q, value);
    q->properties++;
}

static void weight(struct request *q, const struct cgroup *g, const struct resources *r)
{
    if (r->cpu_shares > 0)
        property(
            q, g->pure_v2 ? "CPUWeight" : "CPUShares", "t",
            number(q, g->pure_v2 ? cgroup2_cpu_weight((uint64_t)r->cpu_shares) : (uint64_t)r->cpu_shares));
}

/* systemd writes its own idea of these again now and then: it must be ours. */
static void limits(struct request *q, const struct cgroup *g, const struct resources *r)
{
    if (r->memory > 0)
        property(q, g->pure_v2 ? "MemoryMax" : "MemoryLimit", "t", number(q, (uint64_t)r->memory));
    property(q, "TasksMax", "t", number(q, r->pids > 0 ? (uint64_t)r->pids : UINT64_MAX));
    if (r->cpu_quota > 0)
        property(q, "CPUQuotaPerSecUSec", "t",
                 number(q, (uint64_t)r->cpu_quota * 1000000 /
                               (uint64_t)(r->cpu_period > 0 ? r->cpu_period : 100000)));
    weight(q, g, r);
}

/* The quota in force, in microseconds of each second: an update may name the quota or the period alone. */
static uint64_t quota_in_force(const struct cgroup *g)
{
    const struct cgroup_dir *d = cgroup_with(g, "cpu");
    char text[64] = "", period_text[32];
    long long quota = -1, period = 100000;
    if (d && d->v2 && cgroup_read(d, "cpu.max", text, sizeof(text)))
        (void)sscanf(text, "%lld %lld", &quota, &period);
    else if (d && !d->v2 && cgroup_read(d, "cpu.cfs_quota_us", text, sizeof(text)) &&
             cgroup_read(d, "cpu.cfs_period_us", period_text, sizeof(period_text)))
        (void)(sscanf(text, "%lld", &quota) + sscanf(period_text, "%lld", &period));
    return quota > 0 && period > 0 ? (uint64_t)quota * 1000000 / (uint64_t)period : UINT64_MAX;
}

static uint64_t or_none(int64_t limit)
{
    return limit > 0 ? (uint64_t)limit : UINT64_MAX;
}

/* As limits(), but what is not named stays, and -1 takes a limit away. */
static void changes(struct request *q, const struct cgroup *g, const struct resources *r)
{
    if (r->memory != UNSET && r->memory != 0)
        property(q, g->pure_v2 ? "MemoryMax" : "MemoryLimit", "t", number(q, or_none(r->memory)));
    if (r->pids != UNSET && r->pids != 0)
        property(q, "TasksMax", "t", number(q, or_none(r->pids)));
    if (r->cpu_quota != UNSET || r->cpu_period != UNSET)
        property(q, "CPUQuotaPerSecUSec", "t", number(q, quota_in_force(g)));
    weight(q, g, r);
}

/* busctl call ... METHOD SIGNATURE UNIT HOW */
static void call(struct request *q, const char *method, const char *signature, const char *unit,
                 const char *how)
{
    word(q, "busctl");
    if (geteuid() != 0)
        word(q, "--user");
    word(q, "call");
    word(q, "org.freedesktop.systemd1");
    word(q, "/org/freedesktop/systemd1");
    word(q, "org.freedesktop.systemd1.Manager");
    word(q, method);
    word(q, signature);
    word(q, unit);
    word(q, how);
}

static void build(struct request *q, const struct scope *s, const struct cgroup *g, const struct resources *r,
                  pid_t holder)
{
    call(q, "StartTransientUnit", "ssa(sv)a(sa(sv))", s->unit, "replace");
    unsigned count = q->nr;
    word(q, ""); /* how many properties follow */
    property(q, "PIDs", "au", "1");
    word(q, number(q, (uint64_t)holder));
    property(q, "Delegate", "b", "true");
    property(q, "DefaultDependencies", "b", "false");
    property(q, "Slice", "s", s->slice);
    limits(q, g, r);
    q->word[count] = number(q, q->properties);
    word(q, "0");
}

/* what: systemd "does not" do, if it refuses. */
static int ask(struct request *q, bool quiet, const char *what, struct err *e)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0);
        dup2(null, 1);
        if (quiet)
            dup2(null, 2);
        execvp(q->word[0], (char *const *)q->word);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0)
        return err_sys(e, "busctl");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(e, -ENOENT, "cgroups by systemd: busctl is not there (nor systemd?)");
    return status ? err_set(e, -EIO, "cgroups by systemd: it does not %s", what) : 0;
}

/* ---- the scope ---- */

static pid_t make_holder(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return pid;
}

void scope_release(pid_t holder)
{
    if (holder <= 0)
        return;
    kill(holder, SIGKILL);
    while (waitpid(holder, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* systemd's answer comes when the work is queued, not when it is done. */
static bool appeared(const struct cgroup *g)
{
    for (unsigned waited = 0; waited < 500; waited++) {
        for (unsigned i = 0; i < g->nr; i++)
            if ((g->dir[i].v2 || strcmp(g->dir[i].name, "name=systemd") == 0) && cgroup_dir_busy(&g->dir[i]))
                return true;
        (void)poll(NULL, 0, 10);
    }
    return false;
}

int scope_start(const struct scope *s, const struct cgroup *g, const struct resources *r, pid_t *ret_holder,
                struct err *e)
{
    struct request q = {0};
    pid_t holder = make_holder();
    if (holder < 0)
        return err_sys(e, "fork");
    build(&q, s, g, r, holder);
    int rc = ask(&q, false, "make the scope", e);
    if (rc == 0 && !appeared(g))
        rc = err_set(e, -ETIMEDOUT, "cgroups by systemd: the scope %s does not appear", s->unit);
    if (rc < 0)
        scope_release(holder);
    else
        *ret_holder = holder;
    return rc;
}

int scope_update(const char *unit, const struct cgroup *g, const struct resources *r, struct err *e)
{
    struct request q = {0};
    call(&q, "SetUnitProperties", "sba(sv)", unit, "true"); /* true: for as long as it runs */
    unsigned count = q.nr;
    word(&q, "");
    changes(&q, g, r);
    q.word[count] = number(&q, q.properties);
    return q.properties ? ask(&q, false, "take the limits", e) : 0;
}

void scope_stop(const char *unit)
{
    struct request q = {0};
    call(&q, "StopUnit", "ss", unit, "replace");
    (void)ask(&q, true, "stop it", NULL); /* it may be gone with its last process */
}

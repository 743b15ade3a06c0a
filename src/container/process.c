// SPDX-License-Identifier: GPL-2.0-or-later
/* process: see process.h. */
#include "container/process.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/log.h"
#include "base/reaper.h"
#include "container/caps.h"
#include "container/landlock.h"
#include "container/sync.h"
#include "container/words.h"

/* ---- limits and scheduling ---- */

static int limits(const struct process_config *p, struct err *e)
{
    for (unsigned i = 0; i < p->nr_rlimits; i++) {
        const struct rlimit_config *r = &p->rlimits[i];
        const struct rlimit l = {.rlim_cur = r->soft, .rlim_max = r->hard};
        if (setrlimit((__rlimit_resource_t)r->resource, &l) < 0)
            return err_sys(e, "process.rlimits[%u]: set %s", i, word_name(rlimit_words, r->resource));
    }
    return 0;
}

struct sched_attributes { /* of sched_setattr(2), which glibc does not have */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static int scheduling(const struct process_config *p, struct err *e)
{
    const struct scheduler_config *s = &p->scheduler;
    struct sched_attributes a = {.size = sizeof(a),
                                 .policy = s->policy,
                                 .flags = s->flags,
                                 .nice = s->nice,
                                 .priority = s->priority,
                                 .runtime = s->runtime,
                                 .deadline = s->deadline,
                                 .period = s->period};
    if (s->there && syscall(SYS_sched_setattr, 0, &a, 0) < 0)
        return err_sys(e, "process.scheduler: set %s", word_name(scheduler_words, (int)s->policy));
    if (p->io_class != UNSET &&
        syscall(SYS_ioprio_set, 1 /* a process */, 0, (int)(p->io_class << 13 | p->io_priority)) < 0)
        return err_sys(e, "process.ioPriority");
    return 0;
}

static bool parse_cpus(const char *text, cpu_set_t *ret)
{
    CPU_ZERO(ret);
    while (*text) {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (end == text)
            return false;
        if (*end == '-') {
            text = end + 1;
            last = strtoul(text, &end, 10);
            if (end == text)
                return false;
        }
        for (; first <= last && last < CPU_SETSIZE; first++)
            CPU_SET(first, ret);
        if ((*end && *end != ',') || last >= CPU_SETSIZE)
            return false;
        text = *end ? end + 1 : end;
    }
    return CPU_COUNT(ret) > 0;
}

int process_affinity(const char *cpus, const char *field, struct err *e)
{
    cpu_set_t set;
    if (!cpus || !*cpus)
        return 0;
    if (!parse_cpus(cpus, &set))
        return err_set(e, -EINVAL, "process.execCPUAffinity.%s: \"%s\" is no list of CPUs", field, cpus);
    return sched_setaffinity(0, sizeof(set), &set) < 0
               ? err_sys(e, "process.execCPUAffinity.%s: %s", field, cpus)
               : 0;
}

int process_oom_score(pid_t pid, const struct process_config *p, struct err *e)
{
    char path[64], text[16];
    if (p->oom_score_adj == UNSET)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    snprintf(text, sizeof(text), "%d", (int)p->oom_score_adj);
    OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) > 0)
        return 0;
    if (errno != EACCES && errno != EPERM) /* a lower score than ours needs a right that not every root has */
        return err_sys(e, "process.oomScoreAdj: set %s", text);
    log_warn("process.oomScoreAdj: %s is not allowed here", text);
    return 0;
}

/* ---- labels ---- */

bool security_available(const char *what)
{
    char text[8];
    if (strcmp(what, "selinux") == 0)
        return access("/sys/fs/selinux/enforce", F_OK) == 0;
    OWN_FD fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, text, sizeof(text)) > 0 && text[0] == 'Y';
}

/* Written through the host's own procfs: one inside could be a fake that says yes to everything. */
static int attribute(int proc, const char *const *files, const char *text)
{
    char self[32], path[64];
    ssize_t n = readlinkat(proc, "self", self, sizeof(self) - 1);
    int rc = n < 0 ? -errno : -ENOENT;
    for (; n >= 0 && *files && rc == -ENOENT; files++) {
        self[n] = 0;
        snprintf(path, sizeof(path), "%s/attr/%s", self, *files);
        rc = inroot_write_plain(proc, path, text);
    }
    return rc;
}

static int labels(const struct process_setup *s, struct err *e)
{
    static const char *const apparmor[] = {"apparmor/exec", "exec", NULL}, *const selinux[] = {"exec", NULL};
    const struct process_config *p = s->p;
    int rc = 0;
    if (p->selinux && *p->selinux && (rc = attribute(s->proc, selinux, p->selinux)) < 0)
        return err_code(e, rc, "process.selinuxLabel: %s", p->selinux);
    if (p->apparmor && *p->apparmor) {
        OWN_MEM char *text = path_make("exec %s", p->apparmor);
        if ((rc = attribute(s->proc, apparmor, text)) < 0)
            return err_code(e, rc, "process.apparmorProfile: %s", p->apparmor);
    }
    return 0;
}

/* ---- the working folder ---- */

/* A folder outside the root (reached by a leaked descriptor) has no path from "/". */
static int go(const char *cwd)
{
    char path[PATH_MAX];
    if (chdir(cwd) < 0)
        return -errno;
    if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
        return -errno;
    return path[0] == '/' ? 0 : -EXDEV;
}

static int make_cwd(const char *cwd)
{
    OWN_MEM char *path = strdup(cwd);
    for (char *slash = path; slash && (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = 0;
        (void)mkdir(path, 0755);
    }
    return mkdir(cwd, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* ---- seccomp ---- */

static int filter(const struct process_setup *s, struct err *e)
{
    int listener;
    int rc = seccomp_enter(s->seccomp, &listener, e);
    if (rc < 0 || listener < 0)
        return rc;
    rc = sync_ask(s->sync, SYNC_NOTIFY, listener);
    close(listener);
    return rc < 0 ? err_code(e, rc, "seccomp: hand over the listener") : 0;
}

/* ---- all of it ---- */

static void warn_unknown(int sync, const struct strings *unknown)
{
    for (unsigned i = 0; i < unknown->nr; i++) {
        char text[120];
        snprintf(text, sizeof(text), "capability %.80s is not known here", unknown->item[i]);
        (void)sync_send(sync, SYNC_WARNING, 0, text, -1);
    }
}

static void warn_lacking(int sync, uint64_t lacking)
{
    for (int i = 0; lacking && i < 64; i++) {
        char text[80];
        if (!(lacking & (1ull << i)) || !cap_name(i))
            continue;
        snprintf(text, sizeof(text), "capability CAP_%s cannot be granted here", cap_name(i));
        (void)sync_send(sync, SYNC_WARNING, 0, text, -1);
    }
}

static int become_user(const struct process_setup *s, struct err *e)
{
    uint64_t lacking = 0;
    int rc = caps_bound(s->p, e);
    if (rc == 0)
        rc = caps_become(s->p, s->set_groups, &lacking, e);
    if (rc == 0 && lacking)
        warn_lacking(s->sync, lacking);
    if (rc == 0)
        warn_unknown(s->sync, &s->p->unknown_caps);
    return rc;
}

/* Either right will do; without new privileges it must hold before, so that is set here already. */
static int confine(const struct process_setup *s, struct err *e)
{
    if (!s->landlock)
        return 0;
    if (s->p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "no new privileges");
    return landlock_confine(s->landlock_abstract, e);
}

int process_become(const struct process_setup *s, struct err *e)
{
    const struct process_config *p = s->p;
    bool early = s->seccomp->insn && !p->no_new_privileges; /* it needs CAP_SYS_ADMIN then */
    int rc = limits(p, e);
    if (rc == 0)
        rc = scheduling(p, e);
    if (rc < 0)
        return rc;
    if (s->personality != UNSET && personality((unsigned long)s->personality) < 0)
        return err_sys(e, "linux.personality");
    int cwd = go(p->cwd);
    if (cwd == -ENOENT && (cwd = make_cwd(p->cwd)) == 0)
        cwd = go(p->cwd);
    if (cwd < 0 && cwd != -EACCES)
        return err_code(e, cwd, "process.cwd: %s", p->cwd);
    if ((rc = labels(s, e)) < 0 || (rc = confine(s, e)) < 0 || (early && (rc = filter(s, e)) < 0) ||
        (rc = become_user(s, e)) < 0)
        return rc;
    if (cwd < 0 && (cwd = go(p->cwd)) < 0) /* only that user may enter it */
        return err_code(e, cwd, "process.cwd: %s", p->cwd);
    if (p->umask != UNSET)
        umask((mode_t)p->umask);
    if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "no new privileges");
    return early ? 0 : filter(s, e);
}

/* ---- the program ---- */

static const char *variable(const struct process_config *p, const char *name)
{
    size_t len = strlen(name);
    for (unsigned i = p->env.nr; i > 0; i--)
        if (strncmp(p->env.item[i - 1], name, len) == 0 && p->env.item[i - 1][len] == '=')
            return p->env.item[i - 1] + len + 1;
    return NULL;
}

static int can_run(const char *file)
{
    struct stat st;
    if (stat(file, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    return faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* Engines tell "cannot be executed" (126; execve(2) says EACCES of a folder, too) from "not found" (127) by
 * these words, and Docker's client knows them in small letters only. */
static int cannot_run(int rc, const char *name, struct err *e)
{
    switch (rc) {
    case -EISDIR:
        return err_set(e, -EACCES, "process.args[0]: %s: is a directory: permission denied", name);
    case -EACCES:
        return err_set(e, rc, "process.args[0]: %s: permission denied", name);
    case -ENOENT:
        return err_set(e, rc, "process.args[0]: %s: no such file or directory", name);
    case -ENOTDIR:
        return err_set(e, rc, "process.args[0]: %s: not a directory", name);
    default:
        return err_code(e, rc, "process.args[0]: %s", name);
    }
}

int process_find(const struct process_config *p, char **ret, struct err *e)
{
    const char *name = p->args.item[0], *path = variable(p, "PATH");
    if (strchr(name, '/')) {
        int rc = can_run(name);
        if (rc == 0)
            *ret = strdup(name);
        return rc < 0 ? cannot_run(rc, name, e) : 0;
    }
    OWN_MEM char *all =
        strdup(path && *path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    int worst = -ENOENT;
    for (char *rest = all, *dir; (dir = strsep(&rest, ":"));) {
        OWN_MEM char *file = path_make("%s/%s", *dir ? dir : ".", name);
        int rc = can_run(file);
        if (rc == 0) {
            *ret = take(file);
            return 0;
        }
        if (rc != -ENOENT && rc != -ENOTDIR)
            worst = rc;
    }
    if (worst == -ENOENT)
        return err_set(e, worst, "process.args[0]: %s: executable file not found in $PATH", name);
    return cannot_run(worst, name, e);
}

void process_close_on_exec(unsigned preserve_fds)
{
    if (syscall(SYS_close_range, 3 + preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    for (int fd = 3 + (int)preserve_fds; fd < 4096; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The home folder that the container's own list of users has for uid; malloc'd, NULL: none. */
static char *home_of(uint32_t uid)
{
    struct stat st;
    char line[1024];
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    OWN_FILE f = fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? NULL : fdopen(fd, "re");
    while (f && fgets(line, sizeof(line), f)) {
        char *field[7] = {NULL}, *rest = line;
        line[strcspn(line, "\n")] = 0;
        for (unsigned i = 0; i < 7 && rest; i++)
            field[i] = strsep(&rest, ":");
        if (field[6] && *field[2] && strtoul(field[2], NULL, 10) == uid)
            return path_make("HOME=%s", field[5]);
    }
    if (!f && fd >= 0)
        close(fd);
    return NULL;
}

static int exec_by(int init, const char *file, const struct process_config *p, const char **env)
{
    OWN_MEM const char **argv = calloc(p->args.nr + 3, sizeof(*argv));
    sigset_t all;
    if (!argv)
        return -1;
    sigfillset(&all); /* the kernel keeps none for a first process that does not wait for it */
    sigprocmask(SIG_BLOCK, &all, NULL);
    argv[0] = REAPER_NAME;
    argv[1] = file;
    for (unsigned i = 0; i < p->args.nr; i++)
        argv[i + 2] = p->args.item[i];
    return (int)syscall(SYS_execveat, init, "", argv, env, AT_EMPTY_PATH);
}

int process_exec(const char *file, const struct process_config *p, int init, unsigned listen_fds,
                 struct err *e)
{
    char count[32];
    const char **env = calloc(p->env.nr + 4, sizeof(*env));
    unsigned nr = 0;
    for (unsigned i = 0; i < p->env.nr; i++)
        env[nr++] = p->env.item[i];
    OWN_MEM char *home = variable(p, "HOME") ? NULL : home_of(p->uid);
    if (!variable(p, "HOME"))
        env[nr++] = home ? home : p->uid == 0 ? "HOME=/root" : "HOME=/";
    if (listen_fds) {
        snprintf(count, sizeof(count), "LISTEN_FDS=%u", listen_fds);
        env[nr++] = count;
        env[nr++] = "LISTEN_PID=1";
    }
    if (init >= 0)
        exec_by(init, file, p, env);
    else
        execve(file, (char *const *)p->args.item, (char *const *)env);
    int rc = err_sys(e, "exec %s", file);
    free(env);
    return rc;
}

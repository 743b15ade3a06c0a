// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_place: see oci_place.h. */
#include "monitor/oci_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "container/ns.h"
#include "container/sync.h"
#include "container/terminal.h"
#include "monitor/oci_bundle.h"

#define KERNEL_BYTES (64ull << 20) /* what the guest's kernel needs besides the container's memory */
#define LEAST_BYTES  (128ull << 20)

/* ---- what machine ---- */

static unsigned cpus_of(const struct config *c)
{
    const struct resources *r = &c->resources;
    if (c->vm.cpus)
        return c->vm.cpus;
    if (r->cpu_quota == UNSET || r->cpu_quota <= 0)
        return 1;
    uint64_t quota = (uint64_t)r->cpu_quota,
             period = r->cpu_period == UNSET || r->cpu_period <= 0 ? 100000 : (uint64_t)r->cpu_period,
             cpus = quota / period + (quota % period != 0);
    return cpus > VM_CPUS_MAX ? VM_CPUS_MAX : (unsigned)cpus;
}

static uint64_t memory_of(const struct config *c, uint64_t usual)
{
    int64_t limit = c->resources.memory;
    uint64_t bytes = usual;
    if (c->vm.memory)
        bytes = c->vm.memory;
    else if (limit > 0 && limit < INT64_MAX / 2) /* beyond: no limit, as some write it */
        bytes = (uint64_t)limit + KERNEL_BYTES;
    if (!c->vm.memory && bytes < LEAST_BYTES)
        bytes = LEAST_BYTES;
    return (bytes + GUEST_MEMORY_STEP - 1) / GUEST_MEMORY_STEP * GUEST_MEMORY_STEP;
}

bool oci_place_is_networks(const char *sysctl)
{
    return strncmp(sysctl, "net.", 4) == 0 || strncmp(sysctl, "net/", 4) == 0;
}

/* A blank inside of a parameter is put in quotes, as the kernel reads it. */
static void append(char **all, const char *name, const char *value)
{
    OWN_MEM char *before = *all;
    const char *quote = strchr(value, ' ') || strchr(value, '\t') ? "\"" : "";
    *all = before ? path_make("%s%s%s%s%s%s", before, *before ? " " : "", name, quote, value, quote) : NULL;
}

static int append_sysctls(char **all, const struct config *c, struct err *e)
{
    for (unsigned i = 0; i < c->nr_sysctls; i++) {
        const struct named_text *s = &c->sysctls[i];
        if (!oci_place_is_networks(s->name))
            continue;
        if (strpbrk(s->name, " \t\n\"=") || (s->text && strpbrk(s->text, "\n\"")))
            return err_set(e, -EINVAL, "config.json: linux.sysctl: \"%s\" cannot be put on a command line",
                           s->name);
        OWN_MEM char *name = path_make("sysctl.%s=", s->name);
        append(all, name, s->text ? s->text : "");
    }
    return 0;
}

static int append_of(const struct config *c, const char **ret, struct err *e)
{
    OWN_MEM char *all = strdup("");
    for (unsigned i = 0; i < c->vm.parameters.nr; i++)
        append(&all, "", c->vm.parameters.item[i]);
    int rc = append_sysctls(&all, c, e);
    if (rc == 0 && !all)
        rc = err_code(e, -ENOMEM, "kernel parameters");
    *ret = rc == 0 ? take(all) : NULL;
    return rc;
}

static void warn(const char *line)
{
    log_warn("%s", line);
}

/* Said, or the pod's, whose containers share it. It becomes a word of the kernel's command line. */
static void find_hostname(const struct launch *l, char ret[65])
{
    static const char *const good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    const char *said = l->c->hostname;
    if (said && *said)
        snprintf(ret, 65, "%s", said);
    else if (l->ns[NS_UTS] < 0 || setns(l->ns[NS_UTS], CLONE_NEWUTS) < 0 || gethostname(ret, 65) < 0)
        ret[0] = 0;
    if (!*ret || ret[strspn(ret, good)])
        snprintf(ret, 65, "container");
}

int oci_place_guest(const struct launch *l, char ret_hostname[65], struct guest_config *ret, struct err *e)
{
    const struct config *c = l->c;
    struct guest_config g;
    guest_defaults(&g);
    g.kind = GUEST_MACHINE;
    g.name = l->state.id;
    find_hostname(l, ret_hostname);
    g.hostname = ret_hostname;
    g.share = OCI_BUNDLE_TAG;
    g.cpus = cpus_of(c);
    g.memory = memory_of(c, g.memory);
    g.kernel = c->vm.kernel;
    g.initrd = c->vm.initrd;
    int rc = guest_check_host(&g, warn, e);
    if (rc == 0)
        rc = append_of(c, &g.append, e);
    if (rc == 0)
        *ret = g;
    return rc;
}

/* ---- getting there ---- */

static void fresh_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int join_cgroups(const struct launch *l, struct err *e)
{
    int rc = cgroup_entry_join(&l->entry, e);
    if (rc < 0 || l->entry.v2 < 0)
        return rc;
    OWN_FD fd = openat(l->entry.v2, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, "0", 1) != 1 ? err_sys(e, "join the cgroup") : 0;
}

/* A view of processes that fits the pid namespace; what is mounted on the host later is still seen. */
static int own_proc(struct err *e)
{
    if (getpid() != 1)
        return 0; /* there was no namespace to be had */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return err_sys(e, "mount /proc");
    return 0;
}

static int join_network(const struct launch *l, struct err *e)
{
    if (l->ns[NS_NET] >= 0)
        return ns_join(NS_NET, l->ns[NS_NET], e);
    if (!l->c->ns[NS_NET].there)
        return 0;
    if (unshare(CLONE_NEWNET) < 0)
        return err_sys(e, "make a network namespace");
    (void)ns_loopback_up();
    return 0;
}

/* Others of the same pod take their name from here. */
static int own_name(const struct launch *l, struct err *e)
{
    const char *name = l->c->hostname;
    if (!l->c->ns[NS_UTS].there || l->ns[NS_UTS] >= 0 || geteuid() != 0)
        return 0;
    if (unshare(CLONE_NEWUTS) < 0 || (name && *name && sethostname(name, strlen(name)) < 0))
        return err_sys(e, "make a uts namespace");
    return 0;
}

static int hooks(const struct launch *l, struct err *e)
{
    if (!l->c->hooks[HOOK_PRESTART].nr && !l->c->hooks[HOOK_CREATE_RUNTIME].nr)
        return 0;
    int rc = sync_ask(l->sync, SYNC_NS_READY, -1);
    return rc < 0 ? err_code(e, rc, "wait for the hooks") : 0;
}

static int terminal(const struct launch *l, int *ret_slave, struct err *e)
{
    if (!l->c->process.terminal)
        return 0;
    OWN_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN_FD master = terminal_make(root, &l->c->process, false, ret_slave, e);
    return master < 0 ? master : terminal_deliver(l->console, l->sync, master, e);
}

int oci_place_enter(const struct launch *l, int *ret_slave, struct err *e)
{
    char title[16];
    const struct rlimit none = {0, 0};
    fresh_signals();
    snprintf(title, sizeof(title), "hospes:%s", l->state.id);
    prctl(PR_SET_NAME, title);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none); /* a guest's memory would be in it */
    if (l->preserve_fds)
        return err_set(e, -EOPNOTSUPP, "--preserve-fds: descriptors cannot be passed into a machine");
    setsid();
    int rc = join_cgroups(l, e);
    if (rc == 0)
        rc = own_proc(e);
    if (rc == 0)
        rc = join_network(l, e);
    if (rc == 0)
        rc = own_name(l, e);
    if (rc == 0)
        rc = hooks(l, e);
    return rc < 0 ? rc : terminal(l, ret_slave, e);
}

/* ---- and leaving what is not needed ---- */

/* All of ours would close at exec; what would not came from who called us. */
static void close_inherited(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(d) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            close(fd);
    }
    if (d)
        closedir(d);
}

int oci_place_leave(const struct launch *l, struct err *e)
{
    OWN_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
    OWN_FD log = openat(l->state_dir, "monitor.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
        return err_sys(e, "monitor.log");
    close_inherited();
    log_to(STDERR_FILENO, LOG_INFO);
    umask(077);
    return chdir("/") < 0 ? err_sys(e, "chdir /") : 0;
}

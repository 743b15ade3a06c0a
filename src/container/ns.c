// SPDX-License-Identifier: GPL-2.0-or-later
/* ns: see ns.h. Source: namespaces(7), user_namespaces(7), time_namespaces(7). */
#include "container/ns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define HOSTS_USER_NS 0xeffffffdu /* the first one's inode number: linux/proc_ns.h, PROC_USER_INIT_INO */

/* The caller's own, joined by its path: what is set in it is set for the host. */
static bool is_ours(int fd, enum ns_kind kind)
{
    static const char *const files[NS_KINDS] = {[NS_NET] = "net", [NS_IPC] = "ipc", [NS_UTS] = "uts"};
    char path[32];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/self/ns/%s", files[kind] ? files[kind] : "user");
    return fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 && theirs.st_ino == ours.st_ino &&
           theirs.st_dev == ours.st_dev;
}

int ns_open(const struct config *c, int fd[NS_KINDS], struct err *e)
{
    for (int i = 0; i < NS_KINDS; i++) {
        const char *path = c->ns[i].there ? c->ns[i].path : NULL;
        if (!path)
            continue;
        fd[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (fd[i] < 0)
            return err_sys(e, "linux.namespaces: %s namespace %s", ns_name((enum ns_kind)i), path);
        int kind = ioctl(fd[i], NS_GET_NSTYPE);
        if (kind != ns_clone_flag((enum ns_kind)i))
            return err_set(e, -EINVAL, "linux.namespaces: %s is no %s namespace", path,
                           ns_name((enum ns_kind)i));
        if ((c->changed & (1u << i)) && is_ours(fd[i], (enum ns_kind)i))
            return err_set(e, -EINVAL,
                           "linux.namespaces: %s is the host's own %s namespace, which linux.sysctl or "
                           "hostname would change",
                           path, ns_name((enum ns_kind)i));
    }
    return 0;
}

unsigned long ns_new_flags(const struct config *c)
{
    unsigned long flags = 0;
    for (int i = 0; i < NS_KINDS; i++)
        if (c->ns[i].there && !c->ns[i].path)
            flags |= (unsigned long)ns_clone_flag((enum ns_kind)i);
    return flags;
}

int ns_join(enum ns_kind kind, int fd, struct err *e)
{
    return setns(fd, ns_clone_flag(kind)) < 0 ? err_sys(e, "join the %s namespace", ns_name(kind)) : 0;
}

int ns_join_rest(const int fd[NS_KINDS], struct err *e)
{
    /* The mount namespace last: with it the names of the others are gone. */
    static const enum ns_kind order[] = {NS_NET, NS_UTS, NS_IPC, NS_CGROUP, NS_TIME, NS_MNT};
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        int rc = fd[order[i]] < 0 ? 0 : ns_join(order[i], fd[order[i]], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

pid_t ns_clone(unsigned long flags, int cgroup)
{
    struct clone_args a = {.flags = flags,
                           .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD}; /* then as ours */
    if (cgroup >= 0) {
        a.flags |= CLONE_INTO_CGROUP;
        a.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

/* ---- ID maps ---- */

static int put(pid_t pid, const char *file, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static char *map_text(const struct id_maps *m, char between)
{
    char *text = strdup("");
    for (unsigned i = 0; i < m->nr && text; i++) {
        char *more =
            path_make("%s%u %u %u%c", text, m->item[i].inside, m->item[i].outside, m->item[i].count, between);
        free(text);
        text = more;
    }
    return text;
}

/* newuidmap PID INSIDE OUTSIDE COUNT ... */
static int by_helper(const char *program, pid_t pid, const struct id_maps *m, struct err *e)
{
    char number[16];
    const char **argv = calloc(3 + 3 * m->nr, sizeof(*argv));
    OWN_MEM char *words = map_text(m, ' ');
    unsigned n = 0;
    snprintf(number, sizeof(number), "%d", pid);
    argv[n++] = program;
    argv[n++] = number;
    for (char *rest = words, *word; (word = strsep(&rest, " ")) && *word;)
        argv[n++] = word;
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execvp(program, (char *const *)argv);
        _exit(127);
    }
    free(argv);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return err_sys(e, "%s", program);
    if (status != 0)
        return err_set(e, -EPERM, "%s refused the ID map (is it installed, and /etc/sub%cid right?)", program,
                       program[3]);
    return 0;
}

static bool only_self(const struct id_maps *m, uint32_t id)
{
    return m->nr == 1 && m->item[0].count == 1 && m->item[0].outside == id;
}

static int write_map(pid_t pid, const struct id_maps *m, bool uids, struct err *e)
{
    OWN_MEM char *text = map_text(m, '\n');
    if (geteuid() != 0 && !only_self(m, uids ? geteuid() : getegid()))
        return by_helper(uids ? "newuidmap" : "newgidmap", pid, m, e);
    int rc = put(pid, uids ? "uid_map" : "gid_map", text);
    if (rc == -EPERM && geteuid() != 0)
        return by_helper(uids ? "newuidmap" : "newgidmap", pid, m, e);
    return rc < 0 ? err_code(e, rc, "linux.%s: write the map", uids ? "uidMappings" : "gidMappings") : 0;
}

int ns_write_maps(pid_t pid, const struct id_maps *uids, const struct id_maps *gids, struct err *e)
{
    /* An ordinary user's own group alone may be mapped only if setgroups(2) is off. */
    bool deny = geteuid() != 0 && only_self(gids, getegid());
    int rc = deny ? put(pid, "setgroups", "deny") : 0;
    if (rc < 0)
        return err_code(e, rc, "switch setgroups off");
    rc = write_map(pid, gids, false, e);
    return rc < 0 ? rc : write_map(pid, uids, true, e);
}

int ns_make_user(const struct id_maps *uids, const struct id_maps *gids, struct err *e)
{
    char path[64];
    pid_t pid = ns_clone(CLONE_NEWUSER, -1);
    if (pid == 0)
        for (;;)
            pause();
    if (pid < 0)
        return err_sys(e, "make a user namespace");
    int rc = ns_write_maps(pid, uids, gids, e);
    snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
    int fd = rc < 0 ? rc : open(path, O_RDONLY | O_CLOEXEC);
    if (rc == 0 && fd < 0)
        fd = err_sys(e, "%s", path);
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return fd;
}

bool ns_user_is_hosts(void)
{
    struct stat st;
    return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == HOSTS_USER_NS;
}

bool ns_may_set_groups(const struct config *c)
{
    OWN_MEM char *may = NULL; /* "deny" holds for all user namespaces below ours too */
    if (!ns_user_is_hosts() && file_read("/proc/self/setgroups", 64, &may, NULL, NULL) == 0 &&
        strncmp(may, "deny", 4) == 0)
        return false;
    return geteuid() == 0 || !c->ns[NS_USER].there || !only_self(&c->gid_maps, getegid());
}

/* ---- time and network ---- */

int ns_time_offsets(const struct config *c, struct err *e)
{
    for (unsigned i = 0; i < c->nr_time_offsets; i++) {
        const struct time_offset *t = &c->time_offsets[i];
        char text[96];
        snprintf(text, sizeof(text), "%s %lld %u", t->clock, (long long)t->secs, t->nanosecs);
        OWN_FD fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0)
            return err_sys(e, "linux.timeOffsets.%s", t->clock);
    }
    return 0;
}

int ns_loopback_up(void)
{
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    OWN_FD sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sock < 0 || ioctl(sock, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor_check: see doctor_check.h. What may hang, crash or change the process happens in a child. */
#include "cli/doctor_check.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/own.h"
#include "base/paths.h"
#include "base/proc.h"
#include "cli/doctor_net.h"
#include "cli/table.h"
#include "cpu/probe.h"
#include "host/slirp_lib.h"

__attribute__((format(printf, 3, 4))) static void found(struct finding *f, enum doctor_level level,
                                                        const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->level = level;
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

static void advise(struct finding *f, const char *text)
{
    snprintf(f->advice, sizeof(f->advice), "%s", text);
}

static void look_host(struct finding *f)
{
    struct sysinfo s;
    char total[32], avail[32];
    cpu_set_t set;
    sysinfo(&s);
    int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    found(f, DOCTOR_OK, "%d cpus, %s of memory, %s free", cpus,
          table_bytes((uint64_t)s.totalram * s.mem_unit, total, sizeof(total)),
          table_bytes((uint64_t)(s.freeram + s.bufferram) * s.mem_unit, avail, sizeof(avail)));
}

static void look_kvm(struct finding *f)
{
    struct probe_result r;
    probe_kvm(NULL, &r);
    found(f, r.verdict == PROBE_USABLE ? DOCTOR_OK : DOCTOR_WARN, "%s", r.reason);
    if (r.verdict == PROBE_MISSING)
        advise(f, "machines run on the soft engine; for KVM turn virtualization on in the firmware, or use "
                  "an instance "
                  "with nested virtualization");
    else if (r.verdict == PROBE_DENIED)
        advise(f, "machines run on the soft engine; for KVM: adduser USER kvm, then log in again");
    else if (r.verdict == PROBE_BROKEN)
        advise(f, "machines run on the soft engine; nothing to do, this host's KVM cannot be used");
}

/* One memory, writable here and executable there: what the soft engine translates into. */
static bool runs_code(void)
{
    static const uint8_t code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    OWN_FD fd = memfd_create("hospes-doctor", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        return false;
    void *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (w == MAP_FAILED || x == MAP_FAILED)
        return false;
    memcpy(w, code, sizeof(code));
    int (*fn)(void);
    memcpy(&fn, &x, sizeof(fn));
    return fn() == 42;
}

static bool in_child(bool (*fn)(void))
{
    int status = 1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn() ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

static void look_jit(struct finding *f)
{
    if (in_child(runs_code)) {
        found(f, DOCTOR_OK, "the soft engine may make code");
        return;
    }
    found(f, DOCTOR_MISSING, "memory cannot be mapped writable and executable at two places");
    advise(f,
           "the soft engine needs that: loosen the SELinux or seccomp rule that forbids executable memory");
}

static void look_cgroups(struct finding *f)
{
    struct statfs top, unified;
    bool there = statfs("/sys/fs/cgroup", &top) == 0;
    bool second = statfs("/sys/fs/cgroup/unified", &unified) == 0 && unified.f_type == CGROUP2_SUPER_MAGIC;
    if (there && top.f_type == CGROUP2_SUPER_MAGIC)
        found(f, DOCTOR_OK, "v2");
    else if (second)
        found(f, DOCTOR_OK, "hybrid: v1 and, beside it, v2");
    else if (there && access("/sys/fs/cgroup/memory", F_OK) == 0)
        found(f, DOCTOR_OK, "v1");
    else
        found(f, DOCTOR_WARN, "none mounted at /sys/fs/cgroup");
}

static bool makes_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool makes_namespaces(void)
{
    return unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0;
}

static void look_namespaces(struct finding *f)
{
    bool user = in_child(makes_user_namespace);
    if (geteuid() == 0 && in_child(makes_namespaces)) {
        found(f, DOCTOR_OK, "all%s", user ? "" : ", but no user namespaces");
        return;
    }
    found(f, user ? DOCTOR_OK : DOCTOR_WARN,
          user ? "user namespaces are allowed" : "user namespaces are not allowed");
    if (!user)
        advise(f, "images can be built as root only; else: sysctl user.max_user_namespaces, "
                  "kernel.unprivileged_userns_clone=1");
}

static void look_net(struct finding *f)
{
    struct slirp_lib l;
    struct err e;
    if (slirp_lib_open(&l, &e) < 0) {
        found(f, DOCTOR_WARN, "no user mode: %s", e.text);
        advise(f, "install libslirp (libslirp0), or use --net none");
        return;
    }
    found(f, DOCTOR_OK, "user mode by libslirp %s, no root needed", l.version_string());
    slirp_lib_close(&l);
}

/* The nearest directory above that exists: where the space would come from. */
static void existing_parent(char *path)
{
    while (access(path, F_OK) < 0 && strrchr(path, '/') > path)
        *strrchr(path, '/') = 0;
}

static void look_data(struct finding *f)
{
    char space[32];
    struct statvfs s;
    OWN_MEM char *path = paths_data();
    OWN_MEM char *dir = path ? strdup(path) : NULL;
    if (!dir)
        return;
    existing_parent(dir);
    if (access(dir, W_OK) < 0 || statvfs(dir, &s) < 0) {
        found(f, DOCTOR_MISSING, "%.150s: %s", path, strerror(errno));
        return;
    }
    uint64_t avail = (uint64_t)s.f_bavail * s.f_frsize;
    found(f, avail < 2ull << 30 ? DOCTOR_WARN : DOCTOR_OK, "%s free in %.150s",
          table_bytes(avail, space, sizeof(space)), path);
    if (f->level == DOCTOR_WARN)
        advise(f, "an image and a guest take about 2 GiB: make room, or set HOSPES_ROOT");
}

static void look_run(struct finding *f)
{
    OWN_MEM char *path = NULL;
    struct err e;
    if (paths_run(&path, &e) < 0)
        found(f, DOCTOR_MISSING, "%.190s", e.text);
    else
        found(f, DOCTOR_OK, "%.150s", path);
}

static void look_tool(struct finding *f, const char *program, const char *package, const char *what)
{
    OWN_MEM char *path = proc_find(program);
    if (path) {
        found(f, DOCTOR_OK, "%s", what);
        return;
    }
    found(f, DOCTOR_WARN, "not found, without it no: %s", what);
    snprintf(f->advice, sizeof(f->advice), "apt-get install %s", package);
}

static void look_mmdebstrap(struct finding *f)
{
    look_tool(f, "mmdebstrap", "mmdebstrap", "building Debian images");
}

static void look_mke2fs(struct finding *f)
{
    look_tool(f, "mke2fs", "e2fsprogs", "making images from packages, directories and archives");
}

static void look_qemu_img(struct finding *f)
{
    look_tool(f, "qemu-img", "qemu-utils", "importing qcow2, vmdk and vdi images");
}

static void look_newuidmap(struct finding *f)
{
    if (geteuid() == 0)
        found(f, DOCTOR_OK, "root does not need it");
    else
        look_tool(f, "newuidmap", "uidmap", "building images as an ordinary user");
}

const struct check doctor_checks[] = {
    {"host", look_host},
    {"kvm", look_kvm},
    {"jit", look_jit},
    {"net", look_net},
    {"bridge", doctor_look_bridge},
    {"namespaces", look_namespaces},
    {"cgroups", look_cgroups},
    {"data", look_data},
    {"run", look_run},
    {"mmdebstrap", look_mmdebstrap},
    {"mke2fs", look_mke2fs},
    {"qemu-img", look_qemu_img},
    {"newuidmap", look_newuidmap},
    {NULL, NULL},
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle: see bundle.h. Source: OCI runtime-spec 1.2, config.md and config-linux.md. */
#include "monitor/bundle.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "container/config.h"
#include "monitor/bundle_seccomp.h"
#include "monitor/guest_container.h"

#define PROFILE_MAX (1u << 20)
#define CAPS_NR     64

/* ---- capabilities ---- */

static const char *const default_caps[] = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

static uint64_t cap_bits(const char *name)
{
    char full[64];
    if (strcmp(name, "ALL") == 0) {
        uint64_t all = 0;
        for (int i = 0; i < CAPS_NR && cap_name(i); i++)
            all |= 1ull << i;
        return all;
    }
    snprintf(full, sizeof(full), "%s%s", strncmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
    int n = cap_number(full);
    return n < 0 ? 0 : 1ull << n;
}

/* ALL first, so that the others are exceptions to it: --cap-drop ALL --cap-add CHOWN is CHOWN alone. */
uint64_t bundle_caps(const struct guest_container *c)
{
    uint64_t caps = 0;
    for (size_t i = 0; i < sizeof(default_caps) / sizeof(default_caps[0]); i++)
        caps |= cap_bits(default_caps[i]);
    for (int all = 1; all >= 0; all--) {
        for (const char *const *p = c->cap_drop; p && *p; p++)
            if ((strcmp(*p, "ALL") == 0) == all)
                caps &= ~cap_bits(*p);
        for (const char *const *p = c->cap_add; p && *p; p++)
            if ((strcmp(*p, "ALL") == 0) == all)
                caps |= cap_bits(*p);
    }
    return caps;
}

static json_t *cap_list(uint64_t caps)
{
    json_t *a = json_array();
    for (int i = 0; i < CAPS_NR && cap_name(i); i++)
        if (caps >> i & 1)
            json_array_append_new(a, json_sprintf("CAP_%s", cap_name(i)));
    return a;
}

static json_t *capabilities(const struct bundle *b)
{
    uint64_t all = bundle_caps(&b->guest->container), has = b->user->uid == 0 ? all : 0;
    return json_pack("{s:o, s:o, s:o, s:[], s:[]}", "bounding", cap_list(all), "effective", cap_list(has),
                     "permitted", cap_list(has), "inheritable", "ambient");
}

/* ---- the process ---- */

static const char *hostname(const struct guest_config *c)
{
    return c->hostname ? c->hostname : c->name;
}

/* Of two with one name programs take the first or the last: what was said stands alone. */
static json_t *environment(const struct bundle *b)
{
    const struct guest_config *c = b->guest;
    static const char *const ours[] = {"PATH=", "HOSTNAME=", "HOME="};
    const char *value[] = {"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", hostname(c),
                           b->user->home};
    json_t *a = json_array();
    for (size_t i = 0; i < 3; i++) {
        bool said = false;
        for (const char *const *v = c->env; v && *v; v++)
            said |= strncmp(*v, ours[i], strlen(ours[i])) == 0;
        if (!said)
            json_array_append_new(a, json_sprintf("%s%s", ours[i], value[i]));
    }
    for (const char *const *v = c->env; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    return a;
}

static json_t *arguments(const struct bundle *b)
{
    json_t *a = json_array();
    for (const char *const *v = b->guest->argv; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    if (json_array_size(a) == 0)
        json_array_append_new(a, json_string(b->shell));
    return a;
}

static json_t *user(const struct bundle_user *u)
{
    json_t *groups = json_array();
    for (unsigned i = 0; i < u->nr_groups; i++)
        json_array_append_new(groups, json_integer(u->groups[i]));
    return json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
                     "additionalGids", groups);
}

static json_t *process(const struct bundle *b, const struct guest_security *s)
{
    json_t *p = json_pack("{s:b, s:o, s:o, s:o, s:s, s:b, s:o}", "terminal", b->guest->container.tty, "user",
                          user(b->user), "args", arguments(b), "env", environment(b), "cwd",
                          b->guest->cwd ? b->guest->cwd : "/", "noNewPrivileges", !s->new_privileges,
                          "capabilities", capabilities(b));
    if (p && s->apparmor)
        json_object_set_new(p, "apparmorProfile", json_string(s->apparmor));
    if (p && s->label)
        json_object_set_new(p, "selinuxLabel", json_string(s->label));
    return p;
}

/* ---- mounts ---- */

static void mount(json_t *list, const char *type, const char *from, const char *to, const char *options)
{
    json_t *o = json_array();
    OWN_MEM char *copy = strdup(options);
    for (char *rest, *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        json_array_append_new(o, json_string(word));
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "destination", to, "type", type, "source",
                                          from, "options", o));
}

static void kernel_mounts(json_t *list, const struct bundle *b)
{
    bool alone = b->rootless, hosts_net = b->guest->net == GUEST_NET_HOST;
    mount(list, "proc", "proc", "/proc", "nosuid,noexec,nodev");
    mount(list, "tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k");
    mount(list, "devpts", "devpts", "/dev/pts",
          alone ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
                : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
    mount(list, "tmpfs", "shm", "/dev/shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
    mount(list, "mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev");
    if (alone && hosts_net) /* a sysfs shows a network, and that is not ours */
        mount(list, "none", "/sys", "/sys", "rbind,nosuid,noexec,nodev,rro");
    else
        mount(list, "sysfs", "sysfs", "/sys", "nosuid,noexec,nodev,ro");
    if (!alone)
        mount(list, "cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,relatime,ro");
}

static void etc_mounts(json_t *list, const struct bundle *b)
{
    static const char *const names[] = {"hosts", "resolv.conf", "hostname"};
    for (size_t i = 0; b->files && i < 3; i++) {
        OWN_MEM char *from = path_make("%s/%s", b->files, names[i]);
        OWN_MEM char *to = path_make("/etc/%s", names[i]);
        if (from && to)
            mount(list, "bind", from, to, "bind,rprivate,nosuid,nodev,noexec");
    }
}

static int own_mounts(json_t *list, const struct bundle *b, struct err *e)
{
    for (const char *const *p = b->guest->container.mounts; p && *p; p++) {
        OWN_MOUNT m = {0};
        char options[96];
        int rc = guest_mount_parse(*p, &m, e);
        if (rc < 0)
            return rc;
        snprintf(options, sizeof(options), "rbind,rprivate%s%s%s%s", m.read_only ? ",rro" : "",
                 m.nosuid ? ",nosuid" : "", m.nodev ? ",nodev" : "", m.noexec ? ",noexec" : "");
        mount(list, "bind", m.from, m.to, options);
    }
    return 0;
}

/* ---- limits and namespaces ---- */

static json_t *resources(const struct bundle *b)
{
    const struct guest_config *c = b->guest;
    const struct guest_container *k = &c->container;
    json_t *r = json_object();
    if (!b->rootless)
        json_object_set_new(r, "devices",
                            json_pack("[{s:b, s:s}, {s:b, s:s, s:s}, {s:b, s:s, s:s}]", "allow", 0, "access",
                                      "rwm", "allow", 1, "type", "c", "access", "m", "allow", 1, "type", "b",
                                      "access", "m"));
    if (k->pids || !b->rootless)
        json_object_set_new(r, "pids",
                            json_pack("{s:I}", "limit", (json_int_t)(k->pids ? k->pids : GUEST_PIDS)));
    if (c->memory)
        json_object_set_new(r, "memory", json_pack("{s:I}", "limit", (json_int_t)c->memory));
    if (k->cpus_milli)
        json_object_set_new(
            r, "cpu",
            json_pack("{s:I, s:I}", "quota", (json_int_t)k->cpus_milli * 100, "period", (json_int_t)100000));
    return r;
}

static json_t *namespaces(const struct bundle *b)
{
    json_t *a = json_pack("[{s:s}, {s:s}, {s:s}, {s:s}, {s:s}]", "type", "pid", "type", "ipc", "type", "uts",
                          "type", "mount", "type", "cgroup");
    if (b->netns)
        json_array_append_new(a, json_pack("{s:s, s:s}", "type", "network", "path", b->netns));
    else if (b->guest->net != GUEST_NET_HOST)
        json_array_append_new(a, json_pack("{s:s}", "type", "network"));
    if (b->rootless)
        json_array_append_new(a, json_pack("{s:s}", "type", "user"));
    return a;
}

static json_t *one_id(void)
{
    return json_pack("[{s:i, s:i, s:i}]", "containerID", 0, "hostID", 0, "size", 1);
}

static json_t *strings(const char *const *list)
{
    json_t *a = json_array();
    for (; *list; list++)
        json_array_append_new(a, json_string(*list));
    return a;
}

static json_t *linux_part(const struct bundle *b, const struct guest_security *s)
{
    static const char *const masked[] = {"/proc/acpi",
                                         "/proc/asound",
                                         "/proc/kcore",
                                         "/proc/keys",
                                         "/proc/latency_stats",
                                         "/proc/timer_list",
                                         "/proc/timer_stats",
                                         "/proc/sched_debug",
                                         "/proc/scsi",
                                         "/sys/firmware",
                                         "/sys/devices/virtual/powercap",
                                         "/proc/interrupts",
                                         NULL},
                             *const read_only[] = {"/proc/bus",           "/proc/fs",
                                                   "/proc/irq",           "/proc/sys",
                                                   "/proc/sysrq-trigger", NULL};
    json_t *j = json_pack("{s:o, s:o}", "resources", resources(b), "namespaces", namespaces(b));
    if (j && !s->unmasked) {
        json_object_set_new(j, "maskedPaths", strings(masked));
        json_object_set_new(j, "readonlyPaths", strings(read_only));
    }
    if (j && b->rootless) {
        json_object_set_new(j, "uidMappings", one_id());
        json_object_set_new(j, "gidMappings", one_id());
    }
    return j;
}

/* ---- the whole ---- */

static int profile(const struct bundle *b, const struct guest_security *s, char **ret, struct err *e)
{
    if (s->seccomp_off)
        return 0;
    if (!s->seccomp) {
        *ret = bundle_seccomp(bundle_caps(&b->guest->container));
        return *ret ? 0 : err_code(e, -ENOMEM, "seccomp");
    }
    OWN(json_t) checked = NULL;
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = file_read(s->seccomp, PROFILE_MAX, &text, &len, e);
    if (rc == 0)
        rc = json_parse(text, len, s->seccomp, &checked, e);
    if (rc < 0)
        return err_wrap(e, "seccomp profile");
    *ret = take(text);
    return 0;
}

/* The profile is put in as text: it is long, and the runtime looks it up as text too. */
static char *join(const json_t *top, const json_t *linux_, const char *seccomp)
{
    OWN_MEM char *a = json_dumps(top, JSON_COMPACT), *b = json_dumps(linux_, JSON_COMPACT);
    if (!a || !b)
        return NULL;
    return seccomp ? path_make("{\"linux\":{\"seccomp\":%s,%s,%s", seccomp, b + 1, a + 1)
                   : path_make("{\"linux\":%s,%s", b, a + 1);
}

int bundle_config(const struct bundle *b, char **ret, struct err *e)
{
    struct guest_security s;
    OWN(json_t) mounts = json_array();
    OWN_MEM char *seccomp = NULL;
    int rc = guest_security_parse(b->guest->container.security, &s, e);
    if (rc == 0)
        rc = profile(b, &s, &seccomp, e);
    if (rc < 0)
        return rc;
    kernel_mounts(mounts, b);
    etc_mounts(mounts, b);
    if ((rc = own_mounts(mounts, b, e)) < 0)
        return rc;
    OWN(json_t)
    top = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:O}", "ociVersion", "1.2.0", "process", process(b, &s),
                    "root", "path", b->root, "readonly", b->guest->container.read_only, "hostname",
                    hostname(b->guest), "mounts", mounts);
    OWN(json_t) linux_ = linux_part(b, &s);
    *ret = top && linux_ ? join(top, linux_, seccomp) : NULL;
    return *ret ? 0 : err_code(e, -ENOMEM, "configuration of the container");
}

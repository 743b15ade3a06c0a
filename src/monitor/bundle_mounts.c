// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_mounts: see bundle_mounts.h. Source: OCI runtime-spec 1.2, config.md, "Mounts". */
#include "monitor/bundle_mounts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "monitor/guest_mount.h"
#include "monitor/guest_option.h"

#define TTY_GROUP 5

static void mount(json_t *list, const char *type, const char *from, const char *to, const char *options)
{
    json_t *o = json_array();
    OWN_MEM char *copy = strdup(options);
    for (char *rest, *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        json_array_append_new(o, json_string(word));
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "destination", to, "type", type, "source",
                                          from, "options", o));
}

/* What the host has there, if it has. */
static void hosts_own(json_t *list, const char *path)
{
    if (access(path, F_OK) == 0)
        mount(list, "bind", path, path, "bind,rprivate,nosuid,noexec,nodev");
}

static void shared_memory(json_t *list, const struct guest_container *k)
{
    char options[96];
    snprintf(options, sizeof(options), "nosuid,noexec,nodev,mode=1777,size=%lluk",
             (unsigned long long)(k->shm_size ? k->shm_size : GUEST_SHM) / 1024);
    if (k->host_ipc) {
        hosts_own(list, "/dev/shm");
        hosts_own(list, "/dev/mqueue");
        return;
    }
    mount(list, "tmpfs", "shm", "/dev/shm", options);
    mount(list, "mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev");
}

static void kernel_mounts(json_t *list, const struct bundle *b)
{
    const struct guest_container *k = &b->guest->container;
    bool alone = b->rootless, hosts_net = b->guest->net == GUEST_NET_HOST;
    mount(list, "proc", "proc", "/proc", "nosuid,noexec,nodev");
    mount(list, "tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k");
    mount(list, "devpts", "devpts", "/dev/pts",
          alone && b->ids.gids <= TTY_GROUP ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
                                            : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
    shared_memory(list, k);
    if (alone && hosts_net) /* a sysfs shows a network, and that is not ours */
        mount(list, "none", "/sys", "/sys", "rbind,nosuid,noexec,nodev,rro");
    else
        mount(list, "sysfs", "sysfs", "/sys",
              k->privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro");
    if (!alone)
        mount(list, "cgroup", "cgroup", "/sys/fs/cgroup",
              k->privileged ? "nosuid,noexec,nodev,relatime" : "nosuid,noexec,nodev,relatime,ro");
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

/* The root's mount is read-only then, not the files. */
static void volume_mounts(json_t *list, const struct bundle *b)
{
    for (const char *const *v = b->volumes; b->guest->container.read_only && v && *v; v++) {
        OWN_MEM char *from = path_make("%s%s", b->root, *v);
        if (from)
            mount(list, "bind", from, *v, "bind,rprivate,nodev");
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

static void tmpfs_mounts(json_t *list, const struct bundle *b)
{
    for (const char *const *p = b->guest->container.tmpfs; p && *p; p++) {
        OWN_TMPFS t = {0};
        OWN_MEM char *options = NULL;
        if (guest_tmpfs_parse(*p, &t, NULL) == 0)
            options = path_make("nosuid,nodev,noexec,mode=1777%s%s", *t.options ? "," : "", t.options);
        if (options)
            mount(list, "tmpfs", "tmpfs", t.to, options);
    }
}

/* Nodes cannot be made in a user namespace: the host's own are shown. */
static void device_mounts(json_t *list, const struct bundle *b)
{
    for (const char *const *p = b->guest->container.devices; b->rootless && p && *p; p++) {
        OWN_DEVICE d = {0};
        if (guest_device_parse(*p, &d, NULL) == 0)
            mount(list, "bind", d.from, d.to, "bind,rprivate,nosuid,noexec");
    }
}

int bundle_mounts(const struct bundle *b, json_t **ret, struct err *e)
{
    json_t *list = json_array();
    kernel_mounts(list, b);
    etc_mounts(list, b);
    device_mounts(list, b);
    volume_mounts(list, b);
    tmpfs_mounts(list, b);
    int rc = own_mounts(list, b, e);
    if (rc < 0)
        json_decref(list);
    else
        *ret = list;
    return rc;
}

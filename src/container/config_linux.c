// SPDX-License-Identifier: GPL-2.0-or-later
/* config_linux: the section `linux` without resources. Source: OCI runtime-spec 1.2, config-linux.md. */
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container/config.h"
#include "container/words.h"

static int ns_kind(const char *name)
{
    for (int i = 0; i < NS_KINDS; i++)
        if (strcmp(ns_name((enum ns_kind)i), name) == 0)
            return i;
    return -1;
}

static void namespaces(struct config *c, const struct field *linux_)
{
    struct field list = field_array(linux_, "namespaces");
    for (unsigned i = 0; i < field_count(&list); i++) {
        struct field f = field_item(&list, i);
        const char *type = field_must_string(&f, "type"), *path = field_string(&f, "path");
        int kind = ns_kind(type);
        if (kind < 0) {
            field_bad_key(&f, "type", "\"%s\" is no namespace", type);
            return;
        }
        if (c->ns[kind].there)
            field_bad_key(&f, "type", "\"%s\" is there twice", type);
        if (path && *path && *path != '/')
            field_bad_key(&f, "path", "\"%s\" is not an absolute path", path);
        c->ns[kind] = (struct ns_config){.there = true, .path = path && *path ? path : NULL};
    }
}

struct id_maps config_id_maps(struct config *c, const struct field *list)
{
    struct id_maps m = {.nr = field_count(list)};
    m.item = arena_alloc(&c->arena, m.nr * sizeof(*m.item));
    for (unsigned i = 0; i < m.nr; i++) {
        struct field f = field_item(list, i);
        m.item[i].inside = (uint32_t)field_int(&f, "containerID", 0, 0, UINT32_MAX - 1);
        m.item[i].outside = (uint32_t)field_int(&f, "hostID", 0, 0, UINT32_MAX - 1);
        m.item[i].count = (uint32_t)field_must_int(&f, "size", 1, UINT32_MAX);
    }
    return m;
}

static void time_offsets(struct config *c, const struct field *linux_)
{
    struct field f = field_object(linux_, "timeOffsets");
    const char *clock;
    json_t *v;
    c->time_offsets = arena_alloc(&c->arena, (json_object_size(f.v) + 1) * sizeof(*c->time_offsets));
    json_object_foreach(f.v, clock, v)
    {
        struct field one = field_object(&f, clock);
        if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
            field_bad(&one, "is no clock with an offset");
        c->time_offsets[c->nr_time_offsets++] = (struct time_offset){
            .clock = clock,
            .secs = field_int(&one, "secs", 0, INT64_MIN, INT64_MAX),
            .nanosecs = (uint32_t)field_int(&one, "nanosecs", 0, 0, 999999999),
        };
    }
}

/* ---- devices ---- */

static mode_t device_type(const struct field *f)
{
    const char *type = field_must_string(f, "type");
    if (strcmp(type, "c") == 0 || strcmp(type, "u") == 0)
        return S_IFCHR;
    if (strcmp(type, "b") == 0)
        return S_IFBLK;
    if (strcmp(type, "p") == 0)
        return S_IFIFO;
    field_bad_key(f, "type", "\"%s\" is not c, b, u or p", type);
    return S_IFCHR;
}

static struct device_config one_device(const struct field *f)
{
    struct device_config d = {.path = field_must_string(f, "path"), .type = device_type(f)};
    if (*d.path && *d.path != '/')
        field_bad_key(f, "path", "\"%s\" is not an absolute path", d.path);
    if (d.type != S_IFIFO) {
        d.major = (uint32_t)field_must_int(f, "major", 0, 0xfff);
        d.minor = (uint32_t)field_must_int(f, "minor", 0, 0xfffff);
    }
    d.mode = (mode_t)field_int(f, "fileMode", 0666, 0, UINT32_MAX) & 07777;
    d.uid = (uint32_t)field_int(f, "uid", 0, 0, UINT32_MAX - 1);
    d.gid = (uint32_t)field_int(f, "gid", 0, 0, UINT32_MAX - 1);
    return d;
}

static void devices(struct config *c, const struct field *linux_)
{
    struct field list = field_array(linux_, "devices");
    c->nr_devices = field_count(&list);
    c->devices = arena_alloc(&c->arena, c->nr_devices * sizeof(*c->devices));
    for (unsigned i = 0; i < c->nr_devices; i++) {
        struct field f = field_item(&list, i);
        c->devices[i] = one_device(&f);
    }
}

/* ---- the rest ---- */

static void sysctls(struct config *c, const struct field *linux_)
{
    struct field f = field_object(linux_, "sysctl");
    const char *key;
    json_t *v;
    c->sysctls = arena_alloc(&c->arena, (json_object_size(f.v) + 1) * sizeof(*c->sysctls));
    json_object_foreach(f.v, key, v) c->sysctls[c->nr_sysctls++] =
        (struct named_text){.name = key, .text = field_string(&f, key)};
}

static unsigned long propagation(const struct field *linux_)
{
    const char *name = field_string(linux_, "rootfsPropagation");
    static const struct word words[] = {
        {"shared", MS_SHARED},
        {"slave", MS_SLAVE},
        {"private", MS_PRIVATE},
        {"rshared", MS_SHARED},
        {"rslave", MS_SLAVE},
        {"rprivate", MS_PRIVATE},
        {"unbindable", MS_UNBINDABLE},
        {"runbindable", MS_UNBINDABLE},
        {NULL, 0},
    };
    if (!name || !*name)
        return 0;
    int flag = word_number(words, name);
    if (flag < 0)
        field_bad_key(linux_, "rootfsPropagation", "\"%s\" is not shared, slave, private or unbindable",
                      name);
    return (unsigned long)flag | (name[0] == 'r' ? MS_REC : 0);
}

static struct strings absolute_paths(const struct field *linux_, const char *key)
{
    struct strings s = field_strings(linux_, key);
    struct field list = field_array(linux_, key);
    for (unsigned i = 0; i < s.nr; i++) {
        struct field item = field_item(&list, i);
        if (s.item[i][0] != '/')
            field_bad(&item, "\"%s\" is not an absolute path", s.item[i]);
    }
    return s;
}

static int64_t personality(const struct field *linux_)
{
    struct field f = field_object(linux_, "personality");
    if (!f.v)
        return UNSET;
    const char *domain = field_must_string(&f, "domain");
    int n = word_number(personality_words, domain);
    if (n < 0)
        field_bad_key(&f, "domain", "\"%s\" is not LINUX or LINUX32", domain);
    struct field flags = field_array(&f, "flags");
    if (field_count(&flags))
        field_bad(&flags, "no flags are supported");
    return n;
}

static void refuse(const struct config *c, const struct field *linux_)
{
    if (field_has(linux_, "seccomp") && !c->seccomp)
        field_bad_key(linux_, "seccomp", "not an object, or its key is written with escapes");
}

void config_linux(struct config *c, const struct field *linux_)
{
    namespaces(c, linux_);
    struct field uids = field_array(linux_, "uidMappings"), gids = field_array(linux_, "gidMappings");
    c->uid_maps = config_id_maps(c, &uids);
    c->gid_maps = config_id_maps(c, &gids);
    time_offsets(c, linux_);
    devices(c, linux_);
    c->cgroups_path = field_string(linux_, "cgroupsPath");
    struct field resources = field_object(linux_, "resources");
    config_resources(c, &resources);
    sysctls(c, linux_);
    c->rootfs_propagation = propagation(linux_);
    c->masked_paths = absolute_paths(linux_, "maskedPaths");
    c->readonly_paths = absolute_paths(linux_, "readonlyPaths");
    c->mount_label = field_string(linux_, "mountLabel");
    c->personality = personality(linux_);
    config_rdt(c, linux_);
    refuse(c, linux_);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config_mounts: the section `mounts`, options sorted into what belongs to this mount, to all below it, to
 * the propagation and to the file system itself.
 * Source: OCI runtime-spec 1.2, config.md, "Mounts", and config-linux.md, "Linux mount options".
 */
#include <string.h>
#include <sys/mount.h>

#include "container/config.h"

struct attr_option {
    const char *name; /* its recursive form has an r in front */
    uint64_t set, clear;
};

/* MOUNT_ATTR__ATIME is a field: setting one value means clearing the whole of it first. */
static const struct attr_option attr_options[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
};

static void merge(uint64_t *set, uint64_t *clear, const struct attr_option *o)
{
    *set = (*set & ~o->clear) | o->set;
    *clear = (*clear & ~o->set) | o->clear;
}

static bool attr_option(struct mount_config *m, const char *name)
{
    for (unsigned i = 0; i < sizeof(attr_options) / sizeof(attr_options[0]); i++) {
        const struct attr_option *o = &attr_options[i];
        if (strcmp(o->name, name) == 0) {
            merge(&m->attr_set, &m->attr_clear, o);
            return true;
        }
        if (name[0] == 'r' && strcmp(o->name, name + 1) == 0) {
            merge(&m->rec_attr_set, &m->rec_attr_clear, o);
            return true;
        }
    }
    return false;
}

static bool propagation_option(struct mount_config *m, const char *name)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } words[] = {
        {"private", MS_PRIVATE}, {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"unbindable", MS_UNBINDABLE}};
    for (unsigned i = 0; i < 4; i++) {
        bool recursive = name[0] == 'r' && strcmp(words[i].name, name + 1) == 0;
        if (recursive || strcmp(words[i].name, name) == 0) {
            m->propagation = words[i].flag;
            m->rec_propagation = recursive;
            return true;
        }
    }
    return false;
}

/* Options with a field of their own. */
static bool own_option(struct mount_config *m, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } words[] = {
        {"tmpcopyup", &m->copy_up},
        {"idmap", &m->idmap},
        {"ridmap", &m->rec_idmap},
        {"dest-nofollow", &m->target_nofollow},
        {"src-nofollow", &m->source_nofollow},
        {"remount", &m->remount},
    };
    if (strcmp(name, "bind") == 0 || strcmp(name, "rbind") == 0) {
        m->bind = true;
        m->recursive = name[0] == 'r';
        return true;
    }
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, name) == 0)
            return *words[i].flag = true;
    return false;
}

/* What is the default anyway, or has lost its meaning in the kernel. */
static const char *const nothing[] = {"defaults", "nomand",     "loud",       "silent",
                                      "iversion", "noiversion", "nolazytime", "async"};
#define NOTHING (sizeof(nothing) / sizeof(nothing[0]))

bool mount_option(struct mount_config *m, const char *option)
{
    for (unsigned i = 0; i < NOTHING; i++)
        if (strcmp(nothing[i], option) == 0)
            return true;
    return attr_option(m, option) || propagation_option(m, option) || own_option(m, option);
}

bool mount_option_name(unsigned i, char *ret, size_t size)
{
    static const char *const others[] = {
        "private",      "rprivate", "shared",  "rshared",   "slave", "rslave", "unbindable",
        "runbindable",  "bind",     "rbind",   "tmpcopyup", "idmap", "ridmap", "dest-nofollow",
        "src-nofollow", "sync",     "dirsync", "lazytime",  "mand",  "remount"};
    const unsigned nr_attr = sizeof(attr_options) / sizeof(attr_options[0]),
                   nr_others = sizeof(others) / sizeof(others[0]);
    if (i < 2 * nr_attr)
        snprintf(ret, size, "%s%s", i % 2 ? "r" : "", attr_options[i / 2].name);
    else if (i < 2 * nr_attr + NOTHING)
        snprintf(ret, size, "%s", nothing[i - 2 * nr_attr]);
    else if (i < 2 * nr_attr + NOTHING + nr_others)
        snprintf(ret, size, "%s", others[i - 2 * nr_attr - NOTHING]);
    else
        return false;
    return true;
}

/* ---- the section ---- */

static void options(struct config *c, struct mount_config *m, const struct field *f)
{
    struct strings all = field_strings(f, "options");
    m->data.item = arena_alloc(&c->arena, (all.nr + 1) * sizeof(*m->data.item));
    for (unsigned i = 0; i < all.nr; i++)
        if (*all.item[i] && !mount_option(m, all.item[i]))
            m->data.item[m->data.nr++] = all.item[i];
    if (m->type && strcmp(m->type, "bind") == 0 && !m->bind)
        m->bind = m->recursive = true;
}

static void one_mount(struct config *c, struct mount_config *m, const struct field *f)
{
    m->target = field_must_string(f, "destination");
    m->type = field_string(f, "type");
    m->source = field_string(f, "source");
    options(c, m, f);
    if (m->bind && !m->remount && (!m->source || !*m->source))
        field_bad_key(f, "source", "is missing, and this is a bind mount");
    if (!m->bind && !m->remount && (!m->type || !*m->type || strcmp(m->type, "none") == 0))
        field_bad_key(f, "type", "is missing");
    struct field uids = field_array(f, "uidMappings"), gids = field_array(f, "gidMappings");
    m->uid_maps = config_id_maps(c, &uids);
    m->gid_maps = config_id_maps(c, &gids);
    if ((m->uid_maps.nr == 0) != (m->gid_maps.nr == 0))
        field_bad_key(f, m->uid_maps.nr ? "gidMappings" : "uidMappings", "is missing beside the other one");
    if (m->uid_maps.nr && !m->bind)
        field_bad_key(f, "uidMappings", "only bind mounts can be mapped");
    if (m->uid_maps.nr && !m->rec_idmap)
        m->idmap = true;
}

void config_mounts(struct config *c, const struct field *mounts)
{
    c->nr_mounts = field_count(mounts);
    c->mounts = arena_alloc(&c->arena, c->nr_mounts * sizeof(*c->mounts));
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        struct field f = field_item(mounts, i);
        if (!json_is_object(f.v))
            field_bad(&f, "not an object");
        one_mount(c, &c->mounts[i], &f);
    }
}

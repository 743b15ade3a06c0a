// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user: see user.h.
 *
 * Source: passwd(5), group(5). Lines that are cut short or have no number are passed over.
 */
#include "guest/user.h"

#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/own.h"

/* Split line at its colons into at most max fields; returns how many there are. */
static unsigned split(char *line, char **field, unsigned max)
{
    unsigned n = 0;
    line[strcspn(line, "\n")] = 0;
    while (line && n < max)
        field[n++] = strsep(&line, ":");
    return n;
}

static bool number(const char *text, uint32_t *ret)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n >= UINT32_MAX) /* the last one means "no change" to setuid */
        return false;
    *ret = (uint32_t)n;
    return true;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

/* By name, or by number where who is one. */
static bool find_passwd(const char *path, const char *who, struct user *u)
{
    OWN_FILE f = fopen(path, "re");
    uint32_t id = 0;
    bool by_id = number(who, &id);
    OWN_MEM char *line = NULL;
    size_t size = 0;
    char *field[7];
    while (f && getline(&line, &size, f) > 0) {
        uint32_t uid, gid;
        if (split(line, field, 7) < 7 || !number(field[2], &uid) || !number(field[3], &gid))
            continue;
        if (by_id ? uid != id : strcmp(field[0], who) != 0)
            continue;
        u->uid = uid;
        u->gid = gid;
        copy(u->name, sizeof(u->name), field[0]);
        copy(u->home, sizeof(u->home), field[5][0] ? field[5] : "/");
        copy(u->shell, sizeof(u->shell), field[6][0] ? field[6] : "/bin/sh");
        return true;
    }
    u->uid = id;
    return by_id;
}

static bool find_group(const char *path, const char *who, gid_t *ret)
{
    OWN_FILE f = fopen(path, "re");
    if (number(who, ret))
        return true;
    OWN_MEM char *line = NULL;
    size_t size = 0;
    char *field[4];
    while (f && getline(&line, &size, f) > 0)
        if (split(line, field, 4) >= 3 && !strcmp(field[0], who) && number(field[2], ret))
            return true;
    return false;
}

static bool is_member(char *members, const char *name)
{
    for (char *m; (m = strsep(&members, ",")) != NULL;)
        if (!strcmp(m, name))
            return true;
    return false;
}

static void find_groups(const char *path, struct user *u)
{
    OWN_FILE f = fopen(path, "re");
    OWN_MEM char *line = NULL;
    size_t size = 0;
    char *field[4];
    u->groups[0] = u->gid;
    u->nr_groups = 1;
    while (f && u->name[0] && u->nr_groups < USER_GROUPS && getline(&line, &size, f) > 0) {
        gid_t gid;
        if (split(line, field, 4) == 4 && number(field[2], &gid) && gid != u->gid &&
            is_member(field[3], u->name))
            u->groups[u->nr_groups++] = gid;
    }
}

int user_find(const char *who, const char *passwd, const char *group, struct user *ret, struct err *e)
{
    char name[128];
    const char *colon = strchr(who, ':');
    size_t len = colon ? (size_t)(colon - who) : strlen(who);
    if (len == 0 || len >= sizeof(name) || (colon && !colon[1]))
        return err_set(e, -EINVAL, "user '%s': not NAME, UID, NAME:GROUP or UID:GID", who);
    memcpy(name, who, len);
    name[len] = 0;
    struct user u = {.home = "/", .shell = "/bin/sh"};
    if (!find_passwd(passwd, name, &u))
        return err_set(e, -ENOENT, "the guest has no user '%s'", name);
    if (colon && !find_group(group, colon + 1, &u.gid))
        return err_set(e, -ENOENT, "the guest has no group '%s'", colon + 1);
    find_groups(group, &u);
    *ret = u;
    return 0;
}

int user_become(const struct user *u)
{
    if (setgroups(u->nr_groups, u->groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
        setresuid(u->uid, u->uid, u->uid) < 0)
        return -errno;
    return 0;
}

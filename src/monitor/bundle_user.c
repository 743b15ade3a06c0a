// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_user: users and groups as a container's own files name them. Source: passwd(5), group(5). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/opt.h"
#include "monitor/bundle.h"

#define FIELDS 7

/* A line cut at its colons; false: too few fields. */
static bool cut(char *line, char *field[FIELDS], unsigned least)
{
    unsigned nr = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *part; nr < FIELDS && (part = strsep(&line, ":"));)
        field[nr++] = part;
    for (unsigned i = nr; i < FIELDS; i++)
        field[i] = (char *)"";
    return nr >= least;
}

static bool number(const char *text, unsigned *ret)
{
    return *text >= '0' && *text <= '9' && opt_number(text, ret, NULL) == 0;
}

static FILE *database(int root, const char *path)
{
    OWN_FD fd = inroot_open(root, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    FILE *f = fdopen(fd, "re");
    if (f)
        take_fd(&fd);
    return f;
}

/* By name, or by number; true: found. */
static bool find_user(int root, const char *name, struct bundle_user *u)
{
    OWN_FILE f = database(root, "/etc/passwd");
    OWN_MEM char *line = NULL;
    size_t size = 0;
    unsigned wanted = 0, uid, gid;
    bool by_number = number(name, &wanted);
    while (f && getline(&line, &size, f) > 0) {
        char *field[FIELDS];
        if (!cut(line, field, 6) || !number(field[2], &uid) || !number(field[3], &gid))
            continue;
        if (strcmp(field[0], name) != 0 && !(by_number && uid == wanted))
            continue;
        u->uid = uid;
        u->gid = gid;
        snprintf(u->home, sizeof(u->home), "%s", field[5][0] == '/' ? field[5] : "/");
        return true;
    }
    u->uid = wanted;
    return by_number;
}

static bool find_group(int root, const char *name, unsigned *ret)
{
    OWN_FILE f = database(root, "/etc/group");
    OWN_MEM char *line = NULL;
    size_t size = 0;
    unsigned gid;
    if (number(name, ret))
        return true;
    while (f && getline(&line, &size, f) > 0) {
        char *field[FIELDS];
        if (cut(line, field, 3) && strcmp(field[0], name) == 0 && number(field[2], &gid)) {
            *ret = gid;
            return true;
        }
    }
    return false;
}

static bool lists(char *members, const char *name)
{
    for (char *rest, *m = strtok_r(members, ",", &rest); m; m = strtok_r(NULL, ",", &rest))
        if (strcmp(m, name) == 0)
            return true;
    return false;
}

static void more_groups(int root, const char *name, struct bundle_user *u)
{
    OWN_FILE f = database(root, "/etc/group");
    OWN_MEM char *line = NULL;
    size_t size = 0;
    unsigned gid;
    while (f && getline(&line, &size, f) > 0 && u->nr_groups < sizeof(u->groups) / sizeof(u->groups[0])) {
        char *field[FIELDS];
        if (cut(line, field, 4) && number(field[2], &gid) && gid != u->gid && lists(field[3], name))
            u->groups[u->nr_groups++] = gid;
    }
}

int bundle_user_find(int root, const char *text, struct bundle_user *ret, struct err *e)
{
    OWN_MEM char *name = strdup(text ? text : "0");
    struct bundle_user u = {.home = "/"};
    char *group = name ? strchr(name, ':') : NULL;
    if (group)
        *group++ = 0;
    if (!name || !*name || !find_user(root, name, &u))
        return err_set(e, -ENOENT, "the image has no user called \"%.80s\"", name ? name : "");
    if (group && !find_group(root, group, &u.gid))
        return err_set(e, -ENOENT, "the image has no group called \"%.80s\"", group);
    if (!group)
        more_groups(root, name, &u);
    *ret = u;
    return 0;
}

int bundle_user_join(int root, const char *group, struct bundle_user *u, struct err *e)
{
    unsigned gid;
    if (!find_group(root, group, &gid))
        return err_set(e, -ENOENT, "the image has no group called \"%.80s\"", group);
    if (u->nr_groups == sizeof(u->groups) / sizeof(u->groups[0]))
        return err_set(e, -E2BIG, "more than %u groups", u->nr_groups);
    u->groups[u->nr_groups++] = gid;
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* rdt: see rdt.h. */
#include "container/rdt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

void rdt_group_fini(struct rdt_group *g)
{
    free((char *)g->class);
    free((char *)g->monitor);
}

int rdt_top(char **ret, struct err *e)
{
    OWN_MEM char *text = NULL;
    int rc = file_read("/proc/self/mountinfo", 16 << 20, &text, NULL, e);
    for (char *rest = text, *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        char *path = NULL;
        const char *type = strstr(line, " - ");
        if (type && strncmp(type, " - resctrl ", 11) == 0 &&
            sscanf(line, "%*s %*s %*s %*s %ms", &path) == 1) {
            *ret = path;
            return 0;
        }
    }
    return rc < 0 ? rc : err_set(e, -EOPNOTSUPP, "linux.intelRdt: no resctrl file system is mounted here");
}

/* ---- schemata ---- */

/* The value of a domain in a line "NAME:0=7ff;1=7ff"; NULL: it has none. */
static const char *domain(const char *line, const char *name, size_t len)
{
    for (const char *at = strchr(line, ':'); at && *at != '\n'; at = strpbrk(at, ";\n")) {
        at++;
        at += strspn(at, " ");
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return at + len + 1;
    }
    return NULL;
}

static bool same_value(const char *a, const char *b)
{
    a += strspn(a, " 0");
    b += strspn(b, " 0");
    size_t n = strcspn(a, "; \n");
    return n == strcspn(b, "; \n") && strncmp(a, b, n) == 0;
}

/* The line of text that begins with the len bytes at name. */
static const char *find_line(const char *text, const char *name, size_t len)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (strncmp(line, name, len) == 0)
            return line;
    }
    return NULL;
}

static bool line_matches(const char *have, const char *want)
{
    size_t len = strcspn(want, ":\n");
    const char *line = want[len] == ':' ? find_line(have, want, len + 1) : NULL;
    for (const char *at = want + len; line && at && *at && *at != '\n'; at = strpbrk(at, ";\n")) {
        at++;
        at += strspn(at, " ");
        size_t name = strcspn(at, "=;\n");
        const char *value = at[name] == '=' ? domain(line, at, name) : NULL;
        if (name && (!value || !same_value(value, at + name + 1)))
            return false;
        if (!strpbrk(at, ";\n"))
            break;
    }
    return line != NULL;
}

bool rdt_schemata_match(const char *have, const char *want)
{
    for (const char *line = want; line && *line; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (*line && !line_matches(have, line))
            return false;
    }
    return true;
}

/* Lines of l3 but those for the bandwidth, if that is given by itself. */
static void add_lines(FILE *to, const char *lines, bool without_bandwidth)
{
    for (const char *line = lines; line && *line; line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        if (len && !(without_bandwidth && strncmp(line, "MB:", 3) == 0))
            fprintf(to, "%.*s\n", (int)len, line);
        line += len;
    }
}

/* Malloc'd; empty if nothing is to be written. */
static char *schemata(const char *l3, const char *bandwidth, const struct strings *more)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    BUG_ON(!to);
    add_lines(to, l3, bandwidth != NULL);
    add_lines(to, bandwidth, false);
    for (unsigned i = 0; more && i < more->nr; i++)
        add_lines(to, more->item[i], false);
    fclose(to);
    return text;
}

/* ---- files ---- */

static int put(const char *folder, const char *name, const char *text, struct err *e)
{
    OWN_MEM char *path = path_make("%s/%s", folder, name);
    OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "linux.intelRdt: write \"%.80s\" to %s", text, path) : 0;
}

static int check_same(const char *class, const char *want, struct err *e)
{
    OWN_MEM char *path = path_make("%s/schemata", class), *have = NULL;
    int rc = file_read(path, 1 << 20, &have, NULL, e);
    if (rc == 0 && !rdt_schemata_match(have, want))
        rc = err_set(e, -EBUSY, "linux.intelRdt: %s is there with other schemata", class);
    return rc;
}

int rdt_join(const struct rdt_group *g, pid_t pid, struct err *e)
{
    char text[16];
    if (!g->class)
        return 0;
    snprintf(text, sizeof(text), "%d", pid);
    int rc = put(g->class, "tasks", text, e);
    return rc < 0 || !g->monitor ? rc : put(g->monitor, "tasks", text, e);
}

void rdt_leave(const struct rdt_group *g)
{
    if (g->monitor)
        (void)rmdir(g->monitor);
    if (g->class && g->made)
        (void)rmdir(g->class);
}

int rdt_update(const struct rdt_group *g, const char *l3, const char *bandwidth, struct err *e)
{
    OWN_MEM char *text = schemata(l3, bandwidth, NULL);
    if (!*text)
        return 0;
    if (!g->class)
        return err_set(e, -EOPNOTSUPP, "the container has no class of service (linux.intelRdt)");
    return put(g->class, "schemata", text, e);
}

/* ---- entering ---- */

static int check_features(const char *top, const struct rdt_config *r, struct err *e)
{
    OWN_MEM char *path = path_make("%s/info/L3_MON/mon_features", top), *have = NULL;
    if (!r->cmt && !r->mbm)
        return 0;
    (void)file_read(path, 65536, &have, NULL, NULL);
    if (r->cmt && !(have && strstr(have, "llc_occupancy")))
        return err_set(e, -EOPNOTSUPP, "linux.intelRdt.enableCMT: this processor cannot monitor its cache");
    if (r->mbm && !(have && strstr(have, "mbm_")))
        return err_set(e, -EOPNOTSUPP, "linux.intelRdt.enableMBM: this processor cannot monitor bandwidth");
    return 0;
}

/* 1: made, 0: it was there. */
static int make_class(const struct rdt_group *g, const struct rdt_config *r, const char *want, struct err *e)
{
    if (r->clos_id && !*want)
        return access(g->class, F_OK) == 0 ? 0 : err_sys(e, "linux.intelRdt.closID: %s", g->class);
    if (mkdir(g->class, 0755) == 0)
        return 1;
    if (errno == EEXIST)
        return 0;
    return err_sys(e, "linux.intelRdt: make %s%s", g->class,
                   errno == ENOSPC ? " (this processor has no more classes of service)" : "");
}

static int fill(const struct rdt_group *g, const struct rdt_config *r, bool fresh, const char *want,
                pid_t pid, struct err *e)
{
    int rc = !*want                 ? 0
             : fresh || !r->clos_id ? put(g->class, "schemata", want, e)
                                    : check_same(g->class, want, e);
    if (rc == 0 && g->monitor && mkdir(g->monitor, 0755) < 0 && errno != EEXIST)
        rc = err_sys(e, "linux.intelRdt.enableMonitoring: make %s", g->monitor);
    return rc < 0 ? rc : rdt_join(g, pid, e);
}

int rdt_enter(const char *top, const struct rdt_config *r, const char *id, pid_t pid, struct rdt_group *ret,
              struct err *e)
{
    struct rdt_group g = {.class = path_make("%s/%s", top, r->clos_id ? r->clos_id : id),
                          .made = !r->clos_id};
    if (r->monitoring)
        g.monitor = path_make("%s/mon_groups/%s", g.class, id);
    OWN_MEM char *want = schemata(r->l3, r->bandwidth, &r->schemata);
    int rc = check_features(top, r, e), fresh = rc < 0 ? rc : make_class(&g, r, want, e);
    rc = fresh < 0 ? fresh : fill(&g, r, fresh, want, pid, e);
    if (rc < 0) {
        if (fresh >= 0 && g.monitor)
            (void)rmdir(g.monitor);
        if (fresh > 0)
            (void)rmdir(g.class);
        rdt_group_fini(&g);
        return rc;
    }
    *ret = g;
    return 0;
}

int rdt_start(const struct rdt_config *r, const char *id, pid_t pid, struct rdt_group *ret, struct err *e)
{
    OWN_MEM char *top = NULL;
    if (!r->there)
        return 0;
    int rc = rdt_top(&top, e);
    return rc < 0 ? rc : rdt_enter(top, r, id, pid, ret, e);
}

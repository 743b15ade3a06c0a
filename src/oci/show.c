// SPDX-License-Identifier: GPL-2.0-or-later
/* show: the commands that tell about containers: state and list. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "container/container.h"
#include "oci/oci.h"

int oci_print(const json_t *j, size_t flags, struct err *e)
{
    OWN_MEM char *text = j ? json_dumps(j, flags) : NULL;
    if (!text || puts(text) == EOF || fflush(stdout) == EOF)
        return err_set(e, -EIO, "cannot write to the standard output");
    return 0;
}

/* ---- state ---- */

static json_t *extended(const struct state *s, enum status status)
{
    json_t *j = state_public(s, status);
    if (j) {
        json_object_set_new(j, "rootfs", json_string(s->rootfs));
        json_object_set_new(j, "created", json_string(s->created));
        json_object_set_new(j, "owner", json_string(""));
    }
    return j;
}

static int state(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)args;
    (void)argc;
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup cg;
    int rc = container_open(g->states, argv[0], &s, &cg, &dir, e);
    if (rc < 0)
        return err_wrap(e, "state");
    OWN(json_t) j = extended(&s, state_status(&s, dir, &cg));
    return oci_print(j, JSON_INDENT(2), e);
}

const struct command oci_state = {
    .name = "state",
    .operands = "ID",
    .help = "print a container's state as JSON",
    .min_operands = 1,
    .max_operands = 1,
    .run = state,
};

/* ---- list ---- */

/* A user's name by the host's own list of them, or "#1000", as runc says it. */
static json_t *user_name(unsigned uid)
{
    OWN_MEM char *text = NULL;
    char name[64], other[64];
    unsigned id;
    snprintf(other, sizeof(other), "#%u", uid);
    if (file_read("/etc/passwd", 1 << 20, &text, NULL, NULL) == 0)
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
            if (sscanf(line, "%63[^:]:%*[^:]:%u:", name, &id) == 2 && id == uid)
                return json_string(name);
    return json_string(other);
}

struct list_args {
    const char *format;
    bool quiet;
};
static const struct opt list_opts[] = {
    OPT(list_args, format, OPT_CHOICE, 'f', "table|json", "how"),
    OPT(list_args, quiet, OPT_FLAG, 'q', NULL, "just the IDs"),
};

static json_t *one(const char *root, const char *id)
{
    OWN_STATE s = {0};
    OWN_FD dir = -1;
    struct cgroup cg;
    if (container_open(root, id, &s, &cg, &dir, NULL) < 0)
        return NULL;
    json_t *j = extended(&s, state_status(&s, dir, &cg));
    if (j)
        json_object_set_new(j, "owner", user_name(s.uid));
    return j;
}

static json_t *all(const char *root)
{
    json_t *list = json_array();
    DIR *d = opendir(root);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        json_t *j = entry->d_name[0] == '.' ? NULL : one(root, entry->d_name);
        if (j)
            json_array_append_new(list, j);
    }
    if (d)
        closedir(d);
    return list;
}

static const char *text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int list(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    (void)argv;
    const struct list_args *a = args;
    OWN(json_t) j = all(g->states);
    size_t i;
    json_t *c;
    if (a->format && strcmp(a->format, "json") == 0)
        return oci_print(j, JSON_COMPACT, e);
    if (!a->quiet)
        printf("%-24s %-8s %-8s %-40s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
    json_array_foreach(j, i, c)
    {
        if (a->quiet)
            puts(text(c, "id"));
        else
            printf("%-24s %-8d %-8s %-40s %-30s %s\n", text(c, "id"),
                   (int)json_integer_value(json_object_get(c, "pid")), text(c, "status"), text(c, "bundle"),
                   text(c, "created"), text(c, "owner"));
    }
    return 0;
}

const struct command oci_list = {
    .name = "list",
    .help = "list the containers",
    COMMAND_OPTS(list_opts),
    .args_size = sizeof(struct list_args),
    .run = list,
};

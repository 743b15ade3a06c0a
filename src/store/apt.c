// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * apt: see apt.h.
 *
 * apt itself is asked, since it knows both formats of sources and all places where settings may be.
 */
#include "store/apt.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"

/* ---- suite ---- */

static char *os_release(const char *key)
{
    OWN_MEM char *text = NULL;
    if (file_read("/etc/os-release", 65536, &text, NULL, NULL) < 0)
        return NULL;
    size_t n = strlen(key);
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")))
        if (strncmp(line, key, n) == 0 && line[n] == '=') {
            char *value = line + n + 1;
            value += *value == '"';
            value[strcspn(value, "\"")] = 0;
            return strdup(value);
        }
    return NULL;
}

char *apt_host_suite(void)
{
    OWN_MEM char *id = os_release("ID");
    OWN_MEM char *codename = os_release("VERSION_CODENAME");
    return id && codename && *codename && strcmp(id, "debian") == 0 ? take(codename) : strdup("stable");
}

/* ---- sources ---- */

char *apt_source_line(const char *target, const char *from_suite, const char *suite)
{
    const char *release = strchr(target, '|');
    const char *component = release ? strchr(release + 1, '|') : NULL;
    size_t n = strlen(from_suite);
    if (!component || strncmp(release + 1, from_suite, n) != 0)
        return NULL;
    const char *rest = release + 1 + n; /* "", "-updates", "-security", "/updates" */
    size_t rest_len = (size_t)(component - rest);
    if (rest_len && *rest != '-' && *rest != '/')
        return NULL;
    if (rest_len && strncmp(rest, "-updates", rest_len) != 0 && strncmp(rest, "-security", rest_len) != 0 &&
        strncmp(rest, "/updates", rest_len) != 0)
        return NULL; /* backports, proposed, ... are the host's own choice */
    return path_make("deb %.*s %s%.*s %s\n", (int)(release - target), target, suite, (int)rest_len, rest,
                     component + 1);
}

struct lines {
    struct buf text;
    const char *from, *suite;
    bool failed;
};

static void add_line(struct lines *l, const char *line)
{
    if (line && buf_append(&l->text, line, strlen(line)) < 0)
        l->failed = true;
}

static void on_target(void *ctx, const char *line)
{
    struct lines *l = ctx;
    OWN_MEM char *source = apt_source_line(line, l->from, l->suite);
    add_line(l, source);
}

static int collect_sources(struct lines *l, struct err *e)
{
    const char *argv[] = {
        "apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Identifier: Packages",
        NULL};
    int rc = proc_run(&(struct proc_config){.argv = argv, .out_line = on_target, .ctx = l}, e);
    return rc == -ENOENT ? 0 : rc; /* not a Debian: nothing to take over */
}

/* The collected text as a string; l keeps nothing. */
static int text_of(struct lines *l, char **ret, struct err *e)
{
    if (l->failed || buf_append(&l->text, "", 1) < 0) {
        buf_fini(&l->text);
        return err_code(e, -ENOMEM, "package sources");
    }
    *ret = (char *)take(l->text.mem);
    return 0;
}

int apt_sources(const char *suite, char **ret, struct err *e)
{
    OWN_MEM char *own = apt_host_suite();
    if (!own)
        return err_code(e, -ENOMEM, "package sources");
    struct lines l = {.from = suite, .suite = suite};
    int rc = collect_sources(&l, e);
    if (rc == 0 && l.text.len == 0) {
        l.from = own;
        rc = collect_sources(&l, e);
    }
    if (rc < 0) {
        buf_fini(&l.text);
        return rc;
    }
    return text_of(&l, ret, e);
}

/* ---- settings ---- */

static void on_setting(void *ctx, const char *line)
{
    add_line(ctx, line);
    add_line(ctx, "\n");
}

int apt_settings(char **ret, struct err *e)
{
    struct lines l = {0};
    const char *argv[] = {"apt-config",          "dump",
                          "--no-empty",          "--format",
                          "%F \"%v\";%n",        "Acquire::http",
                          "Acquire::https",      "Acquire::Check-Valid-Until",
                          "Acquire::Check-Date", NULL};
    int rc = proc_run(&(struct proc_config){.argv = argv, .out_line = on_setting, .ctx = &l}, e);
    if (rc < 0 && rc != -ENOENT) {
        buf_fini(&l.text);
        return rc;
    }
    return text_of(&l, ret, e);
}

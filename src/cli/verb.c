// SPDX-License-Identifier: GPL-2.0-or-later
/* verb: see verb.h. The one place that prints a verb's error. */
#include "cli/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/help.h"

/* How many words of argv the name is made of, 0: argv begins with something else. */
static int matches(const char *name, int argc, char *const *argv)
{
    int words = 0;
    while (words < argc) {
        size_t len = strlen(argv[words]);
        if (strncmp(name, argv[words], len) != 0)
            return 0;
        words++;
        if (name[len] == 0)
            return words;
        if (name[len] != ' ')
            return 0;
        name += len + 1;
    }
    return 0;
}

const struct verb *verb_find(int argc, char *const *argv, int *ret_words)
{
    for (const struct verb *const *v = verbs; *v; v++) {
        int words = matches((*v)->name, argc, argv);
        if (words) {
            *ret_words = words;
            return *v;
        }
    }
    return NULL;
}

bool verb_is_group(const char *name)
{
    size_t len = strlen(name);
    for (const struct verb *const *v = verbs; *v; v++)
        if (len && strncmp((*v)->name, name, len) == 0 && (*v)->name[len] == ' ')
            return true;
    return false;
}

const char *verb_nearest(const char *typed)
{
    const char *names[64];
    unsigned nr = 0;
    for (const struct verb *const *v = verbs; *v && nr < 64; v++)
        if (!(*v)->hidden)
            names[nr++] = (*v)->name;
    return opt_nearest(typed, names, nr);
}

static void tell(const char *verb, const struct err *e)
{
    fprintf(stderr, "hospes: %s: %s\n", verb, e->text);
}

int verb_each(const char *verb, int argc, char **argv,
              int (*fn)(const char *name, const void *ctx, struct err *e), const void *ctx, struct err *e)
{
    int result = 0;
    for (int i = 0; i < argc; i++) {
        struct err now = {0};
        int rc = fn(argv[i], ctx, &now);
        if (rc >= 0)
            continue;
        if (result < 0)
            tell(verb, e);
        *e = now;
        result = rc;
    }
    return result;
}

static int usage(const struct verb *v, const struct err *e)
{
    fprintf(stderr, "hospes: %s: %s (see hospes %s --help)\n", v->name, e->text, v->name);
    return STATUS_FAILED;
}

static int count_operands(const struct verb *v, int nr, char **argv, struct err *e)
{
    if (nr < v->min_operands)
        return err_set(e, -EINVAL, "%s is missing", v->operands);
    if (v->max_operands >= 0 && nr > v->max_operands)
        return err_set(e, -EINVAL, "one word too many: %s", argv[v->max_operands]);
    return 0;
}

/* What was printed must have arrived, or a script would take half a list for the whole. */
static int flushed(int status, struct err *e)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return errno == EPIPE ? 128 + 13 : err_sys(e, "standard output");
}

static int with_args(const struct verb *v, void *args, int argc, char **argv)
{
    const struct opt_table t = {.opts = v->opts, .nr = v->nr_opts, .leading = v->leading};
    struct err e = {0};
    int nr = 0;
    int rc = opt_parse(&t, argc, argv, args, &nr, &e);
    if (rc == OPT_HELP) {
        help_verb(stdout, v);
        rc = 0;
    } else if (rc < 0 || count_operands(v, nr, argv, &e) < 0) {
        opt_fini(&t, args);
        return usage(v, &e);
    } else {
        argv[nr] = NULL;
        rc = v->run(args, nr, argv, &e);
    }
    opt_fini(&t, args);
    if (rc >= 0)
        rc = flushed(rc, &e);
    if (rc >= 0)
        return rc;
    tell(v->name, &e);
    return STATUS_FAILED;
}

int verb_dispatch(const struct verb *v, int argc, char **argv)
{
    OWN_MEM void *args = calloc(1, v->args_size + 1);
    if (!args) {
        fprintf(stderr, "hospes: %s: out of memory\n", v->name);
        return STATUS_FAILED;
    }
    if (v->defaults)
        memcpy(args, v->defaults, v->args_size);
    return with_args(v, args, argc, argv);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * runner: a flat guest program on every engine there is, and on the soft one with each of its optimisations
 * off; what it prints must be what FILE.expect says, and registers and memory must be the same everywhere.
 *
 *     runner [-e soft|kvm|all] [-c CPUS] [-d DEBUG-BITS] [-p] PROGRAM [EXPECT]
 *
 * -p prints instead of comparing. -e all (the default) takes kvm where it works. Exit status 1: something
 * differs.
 */
#include <stdio.h>
#include <string.h>

#include "cpu/debug.h"
#include "cpu/probe.h"
#include "flat.h"

#define SECONDS 20

struct options {
    bool soft, kvm, print;
    unsigned cpus;
    int debug; /* -1: all in turn */
    void *image;
    size_t image_len;
    char *expect; /* NULL: not given */
};

static void *read_file(const char *path, size_t *ret_len)
{
    OWN_FILE f = fopen(path, "rbe");
    if (!f) {
        perror(path);
        exit(2);
    }
    fseek(f, 0, SEEK_END);
    long len = ftell(f);
    rewind(f);
    char *p = calloc(1, (size_t)len + 1);
    *ret_len = fread(p, 1, (size_t)len, f);
    return p;
}

static char *report(const struct flat_result *r, bool with_state)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    flat_print(f, r, with_state);
    fclose(f);
    return text;
}

/* The first line in which two texts differ. */
static void tell_difference(const char *want, const char *got)
{
    unsigned line = 1;
    while (*want && *got) {
        size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");
        if (a != b || strncmp(want, got, a))
            break;
        want += a + (want[a] != 0);
        got += b + (got[b] != 0);
        line++;
    }
    printf("  line %u\n  wanted: %.*s\n  got:    %.*s\n", line, (int)strcspn(want, "\n"), want,
           (int)strcspn(got, "\n"), got);
}

static bool same(const struct engine_ops *engine, uint32_t debug, const char *what, const char *want,
                 const char *got)
{
    if (!strcmp(want, got))
        return true;
    printf("%s, debug %u: %s\n", engine->name, debug, what);
    tell_difference(want, got);
    return false;
}

/* One run; *first is the report that others are compared with. */
static bool run(const struct options *o, const struct engine_ops *engine, uint32_t debug, char **first)
{
    static struct flat_result r;
    struct flat_config c = {
        .engine = engine,
        .cpus = o->cpus,
        .debug = debug,
        .image = o->image,
        .image_len = o->image_len,
        .seconds = SECONDS,
    };
    struct err e;
    if (flat_run(&c, &r, &e) < 0) {
        printf("%s: %s\n", engine->name, e.text);
        return false;
    }
    OWN_MEM char *all = report(&r, true);
    OWN_MEM char *text = report(&r, false);
    if (o->print) {
        printf("---- %s, debug %u\n%s", engine->name, debug, all);
        return true;
    }
    if (!*first)
        *first = strdup(all);
    bool expected = same(engine, debug, "not what was expected", o->expect ? o->expect : text, text);
    return same(engine, debug, "not as the first run", *first, all) && expected;
}

static bool run_all(const struct options *o)
{
    bool ok = true;
    char *first = NULL;
    if (o->soft && o->debug >= 0)
        ok = run(o, &engine_soft, (uint32_t)o->debug, &first);
    if (o->soft && o->debug < 0)
        ok = run(o, &engine_soft, 0, &first);
    for (const struct cpu_debug_name *d = cpu_debug_names; o->soft && o->debug < 0 && d->name; d++)
        ok = run(o, &engine_soft, d->bit, &first) && ok;
    if (o->kvm)
        ok = run(o, &engine_kvm, 0, &first) && ok;
    free(first);
    return ok;
}

static bool kvm_works(void)
{
    struct probe_result r;
    probe_kvm(NULL, &r);
    return r.verdict == PROBE_USABLE;
}

int main(int argc, char **argv)
{
    struct options o = {.soft = true, .cpus = 1, .debug = -1};
    const char *engine = "all";
    int c;
    while ((c = getopt(argc, argv, "e:c:d:p")) != -1)
        switch (c) {
        case 'e':
            engine = optarg;
            break;
        case 'c':
            o.cpus = (unsigned)atoi(optarg);
            break;
        case 'd':
            o.debug = atoi(optarg);
            break;
        case 'p':
            o.print = true;
            break;
        default:
            return 2;
        }
    if (optind >= argc) {
        fprintf(stderr, "usage: runner [-e soft|kvm|all] [-c CPUS] [-d DEBUG-BITS] [-p] PROGRAM [EXPECT]\n");
        return 2;
    }
    o.soft = strcmp(engine, "kvm") != 0;
    o.kvm = !strcmp(engine, "kvm") || (!strcmp(engine, "all") && kvm_works());
    size_t len;
    o.image = read_file(argv[optind], &o.image_len);
    if (optind + 1 < argc)
        o.expect = read_file(argv[optind + 1], &len);
    bool ok = run_all(&o);
    free(o.image);
    free(o.expect);
    return ok ? 0 : 1;
}

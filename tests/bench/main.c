// SPDX-License-Identifier: GPL-2.0-or-later
// main.c - cpubench: how fast is this CPU? Static, so that it runs on a host and as the init of a bare
// machine.
//
//   cpubench [--quick | --ms MS] [--only NAME,...] [--class CLASS,...] [--cc1 PATH --source FILE] [--list]
//
// Prints a line for each workload (measure.h). As process 1 it mounts what it needs, prints what its clocks
// say before and after, and powers off; the options are then those behind "--" on the kernel's command line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

static const struct work *const tables[] = {works_int,    works_text, works_mem,  works_fp,  works_simd,
                                            works_crypto, works_sys,  works_code, works_smp, works_tool};

struct choice {
    const char *only, *class, *ms;
    bool quick, list;
    struct settings settings;
};

/* Is the word one of a comma-separated list? No list has them all. */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    if (list == NULL)
        return true;
    for (const char *p = list; p != NULL; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == 0 || p[n] == ','))
            return true;
    }
    return false;
}

static bool parse(int argc, char **argv, struct choice *c)
{
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--only") == 0     ? &c->only
                             : strcmp(argv[i], "--class") == 0  ? &c->class
                             : strcmp(argv[i], "--cc1") == 0    ? &c->settings.cc1
                             : strcmp(argv[i], "--ms") == 0     ? &c->ms
                             : strcmp(argv[i], "--source") == 0 ? &c->settings.source
                                                                : NULL;
        if (value != NULL && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "--quick") == 0)
            c->quick = true;
        else if (strcmp(argv[i], "--list") == 0)
            c->list = true;
        else
            return false;
    }
    return true;
}

static void clocks(const char *when)
{
    struct timespec real;
    uint64_t mono = now_ns();
    clock_gettime(CLOCK_REALTIME, &real);
    printf("clock %s %llu.%09llu %lld.%09ld\n", when, (unsigned long long)mono / 1000000000,
           (unsigned long long)mono % 1000000000, (long long)real.tv_sec, real.tv_nsec);
    fflush(stdout);
}

static bool run(const struct choice *c)
{
    bool ok = true;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct work *w = tables[t]; w->name != NULL; w++) {
            if (!listed(c->only, w->name) || !listed(c->class, w->class))
                continue;
            if (c->list)
                printf("%s %s %s\n", w->name, w->class, w->unit);
            else if (!work_measure(w, &c->settings,
                                   c->ms      ? strtoull(c->ms, NULL, 10) * 1000000
                                   : c->quick ? 30000000
                                              : 150000000))
                ok = false;
        }
    return ok;
}

static void as_init(const struct choice *c)
{
    mkdir("/proc", 0755);
    mkdir("/tmp", 01777);
    if (mount("proc", "/proc", "proc", 0, NULL) != 0)
        printf("FAILED: mount /proc\n");
    clocks("start");
    printf("cpubench: %s\n", run(c) ? "done" : "failed");
    clocks("end");
    reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
    struct choice c = {0};
    if (argc == 2 && strcmp(argv[1], "--nothing") == 0)
        return 5;
    setvbuf(stdout, NULL, _IOFBF, 4096);
    bool understood = parse(argc, argv, &c);
    if (getpid() == 1)
        as_init(&c);
    if (!understood) {
        fputs("usage: cpubench [--quick | --ms MS] [--only NAME,...] [--class CLASS,...] [--cc1 PATH "
              "--source FILE] "
              "[--list]\n",
              stderr);
        return 2;
    }
    return run(&c) ? 0 : 1;
}

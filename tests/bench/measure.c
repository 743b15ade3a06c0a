// SPDX-License-Identifier: GPL-2.0-or-later
// measure.c - runs one workload often enough and says how long a unit of it takes.
#include "measure.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 16384, FEWEST = 3, PATIENCE_S = 120 };

void must(bool ok, const char *what)
{
    if (ok)
        return;
    printf("FAILED: %s\n", what);
    exit(1);
}

void *room(size_t bytes)
{
    void *p = calloc(1, bytes);
    must(p != NULL, "memory");
    return p;
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void stay_here(void)
{
    cpu_set_t set;
    int cpu = sched_getcpu();
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

void prose(char *text, size_t bytes, uint64_t seed)
{
    static const char *const words[] = {
        "the ", "of ",     "machine ", "and ",       "guest ", "in ",      "a ",   "to ",
        "is ",  "memory ", "that ",    "host ",      "page ",  "for ",     "it ",  "was ",
        "as ",  "device ", "with ",    "kernel ",    "be ",    "monitor ", "by ",  "on ",
        "not ", "clock ",  "he ",      "interrupt ", "i ",     "this ",    "are ", "or "};
    for (size_t i = 0; i < bytes;) {
        uint64_t r = next(&seed) >> 32;
        const char *w = words[(r & 31) * (r >> 5 & 31) / 31];
        while (*w != 0 && i < bytes)
            text[i++] = *w++;
        if ((r >> 10 & 15) == 0 && i < bytes)
            text[i - 1] = (char)('0' + (r >> 14) % 10);
    }
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Each run is timed by itself: the fastest tells what the engine costs, the median what this machine's other
 * work added. */
static void measure(const struct work *w, void *state, uint64_t enough_ns)
{
    uint64_t *sample = room(SAMPLES * sizeof(*sample)), total = 0;
    uint64_t digest = w->run(state), start = now_ns();
    digest = w->run(state);
    /* Slow engines translate on the first runs; a slow run is sample enough by itself. */
    uint64_t once = now_ns() - start, patience = enough_ns * 20;
    uint32_t n = 0;
    while (n < SAMPLES && (total < enough_ns || n < FEWEST) && (n == 0 || total + once < patience)) {
        start = now_ns();
        uint64_t h = w->run(state);
        sample[n] = now_ns() - start;
        total += sample[n++];
        must(h == digest, "the same result each time");
    }
    qsort(sample, n, sizeof(*sample), ascending);
    printf("= %s %s %.3f %.3f %u %016llx\n", w->name, w->class, (double)sample[0] / w->ops,
           (double)sample[n / 2] / w->ops, n, (unsigned long long)digest);
}

bool work_measure(const struct work *w, const struct settings *s, uint64_t enough_ns)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE_S);
        void *state = w->setup != NULL ? w->setup(s) : NULL;
        if (w->setup != NULL && state == NULL)
            printf("- %s %s\n", w->name, w->class);
        else
            measure(w, state, strcmp(w->class, "smp") == 0 ? 4 * enough_ns : enough_ns);
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return true;
    printf("! %s %s status %x\n", w->name, w->class, (unsigned)status);
    return false;
}

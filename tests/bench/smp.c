// SPDX-License-Identifier: GPL-2.0-or-later
// smp.c - workloads of the other tables on one thread and on two: what a second CPU is worth.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct lane {
    const struct work *work;
    void *state;
    uint32_t turns;
    uint64_t digest;
};

struct lanes {
    struct lane lane[2];
    int threads;
};

static const struct work *find(const struct work *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    must(false, "a workload of this name");
    return NULL;
}

static void *lanes(const struct settings *s, const struct work *w, uint32_t turns, int threads)
{
    struct lanes *l = room(sizeof(*l));
    l->threads = threads;
    for (int i = 0; i < threads; i++)
        l->lane[i] = (struct lane){w, w->setup != NULL ? w->setup(s) : NULL, turns, 0};
    return l;
}

static void *go(void *lane)
{
    struct lane *l = lane;
    l->digest = 0;
    for (uint32_t i = 0; i < l->turns; i++)
        l->digest = mix(l->digest, l->work->run(l->state));
    return NULL;
}

static uint64_t lanes_run(void *state)
{
    struct lanes *l = state;
    pthread_t thread[2];
    for (int i = 0; i < l->threads; i++)
        must(pthread_create(&thread[i], NULL, go, &l->lane[i]) == 0, "thread");
    for (int i = 0; i < l->threads; i++)
        pthread_join(thread[i], NULL);
    must(l->threads == 1 || l->lane[0].digest == l->lane[1].digest, "both threads found the same");
    return l->lane[0].digest;
}

static void *sieve1(const struct settings *s)
{
    return lanes(s, find(works_int, "sieve"), 10, 1);
}

static void *sieve2(const struct settings *s)
{
    return lanes(s, find(works_int, "sieve"), 10, 2);
}

static void *matmul1(const struct settings *s)
{
    return lanes(s, find(works_fp, "matmul"), 20, 1);
}

static void *matmul2(const struct settings *s)
{
    return lanes(s, find(works_fp, "matmul"), 20, 2);
}

static void *sha_one(const struct settings *s)
{
    return lanes(s, find(works_crypto, "sha256"), 100, 1);
}

static void *sha_two(const struct settings *s)
{
    return lanes(s, find(works_crypto, "sha256"), 100, 2);
}

const struct work works_smp[] = {
    {"sieve-1t", "smp", 10, sieve1, lanes_run, "run"},
    {"sieve-2t", "smp", 20, sieve2, lanes_run, "run"},
    {"matmul-1t", "smp", 20, matmul1, lanes_run, "run"},
    {"matmul-2t", "smp", 40, matmul2, lanes_run, "run"},
    {"sha256-1t", "smp", 100, sha_one, lanes_run, "run"},
    {"sha256-2t", "smp", 200, sha_two, lanes_run, "run"},
    {0},
};

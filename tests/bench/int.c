// SPDX-License-Identifier: GPL-2.0-or-later
// int.c - integer work of a few registers and little memory: loops, sorting, hashing, calls, dispatch, trees.
#include <stdlib.h>

#include "bench.h"

enum {
    SIEVE = 1 << 18,
    SORTED = 10000,
    HASHED = 1 << 18,
    SLOTS = 1 << 14,
    NODES = 1 << 15,
    PROGRAM_TURNS = 30000
};

static uint64_t loop_run(void *state)
{
    uint64_t a = (uintptr_t)state & 1, b = 1;
    for (int i = 0; i < 1000000; i++) {
        a += b ^ (uint64_t)i;
        b = b << 3 | a >> 61;
    }
    return mix(a, b);
}

static void *sieve_setup(const struct settings *s)
{
    (void)s;
    return room(SIEVE);
}

static uint64_t sieve_run(void *state)
{
    volatile char *composite = state;
    uint64_t primes = 0;
    for (uint32_t i = 0; i < SIEVE; i++)
        composite[i] = 0;
    for (uint32_t i = 2; i < SIEVE; i++) {
        if (composite[i])
            continue;
        primes++;
        for (uint32_t j = i + i; j < SIEVE; j += i)
            composite[j] = 1;
    }
    return primes;
}

static void *sort_setup(const struct settings *s)
{
    (void)s;
    return room(SORTED * sizeof(uint32_t));
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Own quicksort: libc's would measure calls through a pointer, which `virt` does. */
static void quicksort(uint32_t *v, long n)
{
    while (n > 16) {
        uint32_t pivot = v[n / 2];
        long i = 0, j = n - 1;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i > j)
                break;
            uint32_t t = v[i];
            v[i++] = v[j];
            v[j--] = t;
        }
        quicksort(v, j + 1);
        v += i;
        n -= i;
    }
    for (long i = 1; i < n; i++) {
        uint32_t x = v[i];
        long j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static uint64_t sort_run(void *state)
{
    uint32_t *v = state;
    uint64_t seed = 42, h = 0;
    for (int i = 0; i < SORTED; i++)
        v[i] = (uint32_t)next(&seed);
    quicksort(v, SORTED);
    for (int i = 0; i < SORTED; i += 97)
        h = mix(h, v[i]);
    return h;
}

static uint64_t qsort_run(void *state)
{
    uint32_t *v = state;
    uint64_t seed = 43, h = 0;
    for (int i = 0; i < SORTED; i++)
        v[i] = (uint32_t)next(&seed);
    qsort(v, SORTED, sizeof(*v), ascending);
    for (int i = 0; i < SORTED; i += 97)
        h = mix(h, v[i]);
    return h;
}

static void *hash_setup(const struct settings *s)
{
    (void)s;
    char *text = room(HASHED);
    prose(text, HASHED, 7);
    return text;
}

static uint64_t hash_run(void *state)
{
    return digest_of(state, HASHED);
}

/* Open addressing: a load that depends on the one before it, a branch nobody predicts. */
static uint64_t table_run(void *state)
{
    uint64_t *slot = state, seed = 5, found = 0;
    for (int i = 0; i < SLOTS; i++)
        slot[i] = 0;
    for (int i = 0; i < SLOTS / 2; i++) {
        uint64_t key = next(&seed) | 1, at = key >> 50;
        while (slot[at % SLOTS] != 0)
            at++;
        slot[at % SLOTS] = key;
    }
    seed = 5;
    for (int i = 0; i < SLOTS; i++) {
        uint64_t key = next(&seed) | 1, at = key >> 50;
        while (slot[at % SLOTS] != 0 && slot[at % SLOTS] != key)
            at++;
        found += slot[at % SLOTS] == key;
    }
    return found;
}

static void *table_setup(const struct settings *s)
{
    (void)s;
    return room(SLOTS * sizeof(uint64_t));
}

__attribute__((noinline)) static uint64_t fib(uint64_t n)
{
    if (n < 2)
        return n;
    uint64_t a = fib(n - 1);
    __asm__ volatile("" : "+r"(a)); /* keeps the compiler from turning one of the calls into a loop */
    return a + fib(n - 2);
}

static uint64_t fib_run(void *state)
{
    (void)state;
    return fib(25);
}

enum { PUSH, ADD, MUL, XOR, DUP, SWAP, LOAD, STORE, DEC, JNZ, END };

/* A stack machine with a table of labels, as the interpreters of scripting languages have. */
static uint64_t interp_run(void *state)
{
    static const uint8_t program[] = {LOAD, 0,    PUSH, 3,     MUL, LOAD,  1, ADD,  DUP, STORE, 0,
                                      LOAD, 2,    XOR,  STORE, 1,   LOAD,  3, PUSH, 7,   ADD,   STORE,
                                      2,    LOAD, 3,    DEC,   DUP, STORE, 3, JNZ,  0,   END};
    static const void *const go[] = {&&push, &&add,   &&mul, &&xor, &&dup, &&swap,
                                     &&load, &&store, &&dec, &&jnz, &&end};
    uint64_t stack[16] = {0}, var[4] = {1, 2, 3, PROGRAM_TURNS};
    uint64_t *sp = stack;
    const uint8_t *pc = program;
    (void)state;
#define NEXT goto *go[*pc++]
    NEXT;
push:
    *++sp = *pc++;
    NEXT;
add:
    sp--;
    sp[0] += sp[1];
    NEXT;
mul:
    sp--;
    sp[0] *= sp[1];
    NEXT;
    xor : sp--;
    sp[0] ^= sp[1];
    NEXT;
dup:
    sp[1] = sp[0];
    sp++;
    NEXT;
swap:
    sp[1] = sp[0];
    sp[0] = sp[-1];
    sp[-1] = sp[1];
    NEXT;
load:
    *++sp = var[*pc++];
    NEXT;
store:
    var[*pc++] = *sp--;
    NEXT;
dec:
    --*sp;
    NEXT;
jnz:
    pc = *sp-- != 0 ? program + *pc : pc + 1;
    NEXT;
end:
    return mix(mix(var[0], var[1]), var[2]);
#undef NEXT
}

struct shape {
    uint64_t (*area)(const struct shape *);
    uint64_t a, b;
};

static uint64_t rectangle(const struct shape *s)
{
    return s->a * s->b;
}

static uint64_t triangle(const struct shape *s)
{
    return s->a * s->b / 2;
}

static uint64_t ring(const struct shape *s)
{
    return 3 * (s->a * s->a - s->b * s->b);
}

static uint64_t point(const struct shape *s)
{
    return s->a ^ s->b;
}

static void *virt_setup(const struct settings *set)
{
    static uint64_t (*const kinds[])(const struct shape *) = {rectangle, triangle, ring, point};
    struct shape *s = room(1000 * sizeof(*s));
    uint64_t seed = 9;
    (void)set;
    for (int i = 0; i < 1000; i++)
        s[i] = (struct shape){kinds[next(&seed) >> 62], next(&seed) >> 40, next(&seed) >> 40};
    return s;
}

static uint64_t virt_run(void *state)
{
    const struct shape *s = state;
    uint64_t sum = 0;
    for (int turn = 0; turn < 200; turn++)
        for (int i = 0; i < 1000; i++)
            sum += s[i].area(&s[i]);
    return sum;
}

struct node {
    struct node *left, *right;
    uint64_t key;
};

static void *tree_setup(const struct settings *s)
{
    struct node *n = room(NODES * sizeof(*n));
    uint64_t seed = 11;
    (void)s;
    n[0].key = next(&seed);
    for (int i = 1; i < NODES; i++) {
        struct node *at = n, **where = NULL;
        n[i].key = next(&seed);
        for (; at != NULL; at = *where)
            where = n[i].key < at->key ? &at->left : &at->right;
        *where = &n[i];
    }
    return n;
}

static uint64_t tree_run(void *state)
{
    const struct node *root = state;
    uint64_t seed = 12, depth = 0;
    for (int i = 0; i < 5000; i++) {
        uint64_t key = next(&seed);
        for (const struct node *at = root; at != NULL; at = key < at->key ? at->left : at->right)
            depth++;
    }
    return depth;
}

const struct work works_int[] = {
    {"loop", "int", 1000000, NULL, loop_run, "turn"},
    {"sieve", "int", SIEVE, sieve_setup, sieve_run, "number"},
    {"sort", "int", SORTED, sort_setup, sort_run, "element"},
    {"qsort", "int", SORTED, sort_setup, qsort_run, "element"},
    {"hash", "int", HASHED, hash_setup, hash_run, "byte"},
    {"table", "int", SLOTS, table_setup, table_run, "look-up"},
    {"fib", "int", 242785, NULL, fib_run, "call"},
    {"interp", "int", 20 * PROGRAM_TURNS, NULL, interp_run, "instruction"},
    {"virt", "int", 200000, virt_setup, virt_run, "call"},
    {"tree", "int", 5000, tree_setup, tree_run, "look-up"},
    {0},
};

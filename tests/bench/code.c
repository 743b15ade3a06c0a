// SPDX-License-Identifier: GPL-2.0-or-later
// code.c - code that is written at run time: patched in place, made by a small JIT compiler; a loop across
// two pages.
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

enum {
    PATCHES = 1000,
    FUNCTIONS = 200,
    STRIDE = 256,
    CALLS = 3,
    TURNS = 1000000,
    REGION = FUNCTIONS * STRIDE
};

typedef uint32_t made(uint32_t);

static void *executable(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED, "executable memory");
    return p;
}

/* lea eax, [rdi+imm32]; ret */
static void *patch_setup(const struct settings *s)
{
    static const uint8_t code[] = {0x8d, 0x87, 0, 0, 0, 0, 0xc3};
    (void)s;
    return memcpy(executable(4096), code, sizeof(code));
}

static uint64_t patch_run(void *state)
{
    uint32_t x = 1;
    for (uint32_t i = 0; i < PATCHES; i++) {
        uint32_t number = i * 2654435761u;
        memcpy((char *)state + 2, &number, 4);
        x = ((made *)state)(x) ^ x << 7;
    }
    return x;
}

/* About 200 bytes: eax = edi, then 16 times imul eax, eax, odd; add eax, number; then ret. */
static void generate(uint8_t *at, uint64_t seed)
{
    *at++ = 0x89;
    *at++ = 0xf8;
    for (int i = 0; i < 16; i++) {
        uint32_t odd = (uint32_t)(next(&seed) >> 32) | 1, number = (uint32_t)(next(&seed) >> 32);
        *at++ = 0x69;
        *at++ = 0xc0;
        memcpy(at, &odd, 4);
        at += 4;
        *at++ = 0x05;
        memcpy(at, &number, 4);
        at += 4;
    }
    *at = 0xc3;
}

static uint32_t call(void *code, uint32_t x)
{
    for (int i = 0; i < CALLS; i++)
        x = ((made *)code)(x);
    return x;
}

static uint64_t fresh_run(void *state)
{
    uint8_t *code = executable(REGION);
    uint32_t x = 1;
    (void)state;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        generate(code + i * STRIDE, i + 1);
        x = call(code + i * STRIDE, x);
    }
    munmap(code, REGION);
    return x;
}

static void *same_setup(const struct settings *s)
{
    (void)s;
    return executable(4096);
}

static uint64_t same_run(void *state)
{
    uint32_t x = 1;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        generate(state, i + 1);
        x = call(state, x);
    }
    return x;
}

/* xor eax, eax; then edi times add rax, imm32; dec edi; jnz: in memory where the add lies across two pages.
 */
static void *straddle_setup(const struct settings *s)
{
    static const uint8_t code[] = {0x31, 0xc0, 0x48, 0x05, 0x15, 0x7c, 0x4a,
                                   0x7f, 0xff, 0xcf, 0x75, 0xf6, 0xc3};
    (void)s;
    return memcpy((char *)executable(8192) + 4096 - 5, code, sizeof(code));
}

static uint64_t straddle_run(void *state)
{
    return ((uint64_t (*)(uint32_t))state)(TURNS);
}

const struct work works_code[] = {
    {"straddle", "int", TURNS, straddle_setup, straddle_run, "turn"},
    {"patch", "smc", PATCHES, patch_setup, patch_run, "patch+call"},
    {"jit-fresh", "smc", FUNCTIONS, NULL, fresh_run, "function"},
    {"jit-same", "smc", FUNCTIONS, same_setup, same_run, "function"},
    {0},
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* random_state: what registers and memory hold when a sequence begins. */
#include <string.h>

#include "random.h"

static uint64_t some_value(struct rng *r)
{
    static const uint64_t edges[] = {0,         1,          2,          UINT64_MAX, 1ull << 63,
                                     INT64_MAX, 0x80000000, 0x7fffffff, 0xffffffff, 0x80,
                                     0x7f,      0x8000,     0x7fff,     64,         32};
    switch (rnd_below(r, 5)) {
    case 0:
        return DATA_VA + 64 + rnd_below(r, DATA_PAGES * PAGE - 512) / 16 * 16;
    case 1:
        return rnd_below(r, 300);
    case 2:
        return edges[rnd_below(r, sizeof(edges) / sizeof(edges[0]))];
    default:
        return rnd(r);
    }
}

static uint64_t some_lane(struct rng *r)
{
    static const uint64_t doubles[] = {0,
                                       0x3ff0000000000000,
                                       0xbff0000000000000,
                                       0x7ff0000000000000,
                                       0xfff8000000000000,
                                       0x7ff4000000000001,
                                       1,
                                       0x8000000000000000,
                                       0x7fefffffffffffff,
                                       0x4330000000000000,
                                       0x3f8000003f800000,
                                       0x7f800000ff800000,
                                       0x00000001807fffff,
                                       0x7fa00000ffc00000};
    switch (rnd_below(r, 4)) {
    case 0:
        return doubles[rnd_below(r, sizeof(doubles) / sizeof(doubles[0]))];
    case 1: { /* an ordinary double */
        uint64_t exponent = 1003 + rnd_below(r, 40);
        return (rnd(r) & 0x800fffffffffffff) | exponent << 52;
    }
    case 2: { /* two ordinary floats */
        uint64_t a = (rnd(r) & 0x807fffff807fffff);
        return a | (uint64_t)(110 + rnd_below(r, 30)) << 23 | (uint64_t)(110 + rnd_below(r, 30)) << 55;
    }
    default:
        return rnd(r);
    }
}

static void fill_x87(struct rng *r, uint8_t *fx)
{
    uint16_t fcw = (uint16_t)(0x037f ^ (rnd_below(r, 4) << 10)), fsw = (uint16_t)(rnd_below(r, 8) << 11);
    if (one_in(r, 4))
        fcw = (uint16_t)((fcw & ~0x300) | (one_in(r, 2) ? 0x200 : 0));
    if (one_in(r, 20))
        fcw &= (uint16_t)~(1u << rnd_below(r, 6));
    fsw |= (uint16_t)(rnd(r) & 0x4700);
    memcpy(fx, &fcw, 2);
    memcpy(fx + 2, &fsw, 2);
    fx[4] = (uint8_t)(one_in(r, 2) ? rnd(r) : one_in(r, 2) ? 0 : 0xff);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t m = rnd(r) | (one_in(r, 10) ? 0 : 1ull << 63);
        uint16_t e = (uint16_t)(one_in(r, 8) ? rnd(r) : (rnd(r) & 0x8000) | (16383 - 20 + rnd_below(r, 40)));
        if (one_in(r, 10))
            m = e = 0;
        memcpy(fx + 32 + 16 * i, &m, 8);
        memcpy(fx + 40 + 16 * i, &e, 2);
    }
}

void gen_registers(struct rng *r, struct registers *in)
{
    memset(in, 0, sizeof(*in));
    for (unsigned i = 0; i < 16; i++)
        in->gpr[i] = some_value(r);
    in->gpr[4] = DATA_VA + 2 * PAGE + 8 * rnd_below(r, 128);
    in->flags = 0x202 | (rnd(r) & 0x8d5) | (one_in(r, 8) ? 0x400 : 0);
    uint32_t mxcsr = 0x1f80 | rnd_below(r, 4) << 13;
    if (one_in(r, 4))
        mxcsr |= rnd(r) & 0x8040;
    if (one_in(r, 20))
        mxcsr &= ~(1u << (7 + rnd_below(r, 6)));
    fill_x87(r, in->v.fx);
    memcpy(in->v.fx + 24, &mxcsr, 4);
    for (unsigned i = 0; i < 32; i++) {
        uint64_t a = some_lane(r), b = some_lane(r);
        memcpy(in->v.fx + 160 + 8 * i, &a, 8);
        memcpy(in->v.high + 8 * i, &b, 8);
    }
}

void gen_data(uint64_t seed, uint8_t *data)
{
    uint64_t x = seed | 1, *p = (uint64_t *)data;
    for (unsigned i = 0; i < DATA_BYTES / 8; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p[i] = x;
    }
}

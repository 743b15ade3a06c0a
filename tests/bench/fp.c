// SPDX-License-Identifier: GPL-2.0-or-later
// fp.c - floating point as the compiler makes it: no libm, whose choice of code depends on the CPU.
#include <string.h>

#include "bench.h"

enum { N = 64, BODIES = 5, STEPS = 2000, PIXELS = 48 };

struct matrices {
    double a[N][N], b[N][N], c[N][N];
};

static void *matmul_setup(const struct settings *s)
{
    struct matrices *m = room(sizeof(*m));
    uint64_t seed = 17;
    (void)s;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            m->a[i][j] = (double)(next(&seed) >> 50);
            m->b[i][j] = (double)(next(&seed) >> 50) / 8;
        }
    return m;
}

static uint64_t matmul_run(void *state)
{
    struct matrices *m = state;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++)
                sum += m->a[i][k] * m->b[k][j];
            m->c[i][j] = sum;
        }
    return digest_of(m->c, sizeof(m->c));
}

struct body {
    double at[3], speed[3], mass;
};

static double root(double x)
{
    double r;
    __asm__("sqrtsd %1, %0" : "=x"(r) : "x"(x));
    return r;
}

static void pull(struct body *b, double dt)
{
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], square = 0.01;
            for (int k = 0; k < 3; k++) {
                d[k] = b[i].at[k] - b[j].at[k];
                square += d[k] * d[k];
            }
            double force = dt / (square * root(square));
            for (int k = 0; k < 3; k++) {
                b[i].speed[k] -= d[k] * b[j].mass * force;
                b[j].speed[k] += d[k] * b[i].mass * force;
            }
        }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            b[i].at[k] += dt * b[i].speed[k];
}

static uint64_t nbody_run(void *state)
{
    struct body b[BODIES] = {0};
    uint64_t seed = 23;
    (void)state;
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++)
            b[i].at[k] = (double)(next(&seed) >> 44) / 65536;
        b[i].mass = 1 + i;
    }
    for (int i = 0; i < STEPS; i++)
        pull(b, 0.01);
    return digest_of(b, sizeof(b));
}

/* Newton's iteration in 80-bit registers, with divisions, square roots and conversions. */
static uint64_t x87_run(void *state)
{
    long double sum = 0;
    (void)state;
    for (int i = 1; i < 20000; i++) {
        long double x = i, y = x / 2 + 1;
        for (int k = 0; k < 3; k++)
            y = (y + x / y) / 2;
        __asm__("fsqrt" : "+t"(x));
        sum += (x - y) * (long double)(i & 7) + 1 / x;
    }
    unsigned char bytes[16] = {0};
    memcpy(bytes, &sum, 10);
    return digest_of(bytes, 10);
}

static uint64_t mandelbrot_run(void *state)
{
    uint64_t inside = 0;
    (void)state;
    for (int py = 0; py < PIXELS; py++)
        for (int px = 0; px < PIXELS; px++) {
            double cx = px * 3.0 / PIXELS - 2, cy = py * 2.0 / PIXELS - 1, x = 0, y = 0;
            int n = 0;
            for (; n < 200 && x * x + y * y < 4; n++) {
                double t = x * x - y * y + cx;
                y = 2 * x * y + cy;
                x = t;
            }
            inside += (uint64_t)n;
        }
    return inside;
}

const struct work works_fp[] = {
    {"matmul", "fp", N *N *N, matmul_setup, matmul_run, "multiply-add"},
    {"nbody", "fp", STEPS, NULL, nbody_run, "step"},
    {"x87", "fp", 20000, NULL, x87_run, "turn"},
    {"mandelbrot", "fp", PIXELS *PIXELS, NULL, mandelbrot_run, "pixel"},
    {0},
};

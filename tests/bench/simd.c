// SPDX-License-Identifier: GPL-2.0-or-later
// simd.c - SSE2 and AVX2 kernels, floating and integer.
#include <immintrin.h>
#include <string.h>

#include "bench.h"

enum { LANES = 4096, TURNS = 100 };

struct arrays {
    _Alignas(32) float x[LANES], y[LANES];
    _Alignas(32) uint8_t a[LANES], b[LANES];
};

static void *sse_setup(const struct settings *s)
{
    struct arrays *v = room(sizeof(*v) + 32);
    uint64_t seed = 99;
    (void)s;
    v = (void *)(((uintptr_t)v + 31) & ~(uintptr_t)31);
    for (int i = 0; i < LANES; i++) {
        v->x[i] = (float)(next(&seed) >> 52) / 64;
        v->a[i] = (uint8_t)next(&seed);
        v->b[i] = (uint8_t)(next(&seed) >> 8);
    }
    return v;
}

static void *avx2_setup(const struct settings *s)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? sse_setup(s) : NULL;
}

static uint64_t sse_run(void *state)
{
    struct arrays *v = state;
    memset(v->y, 0, sizeof(v->y));
    for (int t = 0; t < TURNS; t++) {
        __m128 k = _mm_set1_ps((float)(t & 7) * 0.25f);
        for (int i = 0; i < LANES; i += 4) {
            __m128 y = _mm_load_ps(v->y + i);
            y = _mm_add_ps(_mm_mul_ps(_mm_load_ps(v->x + i), k), y);
            _mm_store_ps(v->y + i, _mm_min_ps(y, _mm_set1_ps(1000)));
        }
    }
    return digest_of(v->y, sizeof(v->y));
}

/* Sums of absolute differences, saturating adds and shuffles: what video does. */
static uint64_t ssei_run(void *state)
{
    struct arrays *v = state;
    __m128i sum = _mm_setzero_si128(), fold = sum;
    for (int t = 0; t < TURNS; t++)
        for (int i = 0; i < LANES; i += 16) {
            __m128i a = _mm_load_si128((const __m128i *)(v->a + i)),
                    b = _mm_load_si128((const __m128i *)(v->b + i));
            sum = _mm_add_epi64(sum, _mm_sad_epu8(a, b));
            fold = _mm_xor_si128(_mm_shuffle_epi32(fold, 0x39), _mm_adds_epu8(a, _mm_slli_epi16(b, 1)));
        }
    uint64_t out[4];
    _mm_storeu_si128((__m128i *)out, sum);
    _mm_storeu_si128((__m128i *)(out + 2), fold);
    return digest_of(out, sizeof(out));
}

__attribute__((target("avx2,fma"))) static uint64_t avx2_run(void *state)
{
    struct arrays *v = state;
    memset(v->y, 0, sizeof(v->y));
    for (int t = 0; t < TURNS; t++) {
        __m256 k = _mm256_set1_ps((float)(t & 7) * 0.25f);
        for (int i = 0; i < LANES; i += 8) {
            __m256 y = _mm256_fmadd_ps(_mm256_load_ps(v->x + i), k, _mm256_load_ps(v->y + i));
            _mm256_store_ps(v->y + i, _mm256_min_ps(y, _mm256_set1_ps(1000)));
        }
    }
    return digest_of(v->y, sizeof(v->y));
}

__attribute__((target("avx2"))) static uint64_t avx2i_run(void *state)
{
    struct arrays *v = state;
    __m256i sum = _mm256_setzero_si256(), fold = sum;
    for (int t = 0; t < TURNS; t++)
        for (int i = 0; i < LANES; i += 32) {
            __m256i a = _mm256_load_si256((const __m256i *)(v->a + i)),
                    b = _mm256_load_si256((const __m256i *)(v->b + i));
            sum = _mm256_add_epi64(sum, _mm256_sad_epu8(a, b));
            fold = _mm256_xor_si256(_mm256_permute4x64_epi64(fold, 0x39), _mm256_shuffle_epi8(a, b));
        }
    uint64_t out[8];
    _mm256_storeu_si256((__m256i *)out, sum);
    _mm256_storeu_si256((__m256i *)(out + 4), fold);
    return digest_of(out, sizeof(out));
}

const struct work works_simd[] = {
    {"sse", "fp", LANES *TURNS / 4, sse_setup, sse_run, "vector"},
    {"ssei", "fp", LANES *TURNS / 16, sse_setup, ssei_run, "vector"},
    {"avx2", "fp", LANES *TURNS / 8, avx2_setup, avx2_run, "vector"},
    {"avx2i", "fp", LANES *TURNS / 32, avx2_setup, avx2i_run, "vector"},
    {0},
};

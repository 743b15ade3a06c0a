// SPDX-License-Identifier: GPL-2.0-or-later
// text.c - what programs do with bytes and small objects: compression, malloc, printf, strings.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bench.h"

enum { TEXT = 1 << 16, LIVE = 1024, LINES = 2000, PACKED = TEXT + 4096 };

struct texts {
    char plain[TEXT];
    unsigned char packed[PACKED], back[TEXT];
    uint16_t last[1 << 12];
};

static void *texts_setup(const struct settings *s)
{
    struct texts *t = room(sizeof(*t));
    (void)s;
    prose(t->plain, TEXT, 3);
    return t;
}

/* A small LZ77: three-byte hashes, greedy; tokens are a length byte and a distance or a literal. */
static size_t lz_pack(struct texts *t)
{
    size_t out = 0;
    memset(t->last, 0, sizeof(t->last));
    for (size_t i = 0; i + 3 < TEXT;) {
        const char *p = t->plain + i;
        uint32_t key =
            (uint32_t)(unsigned char)p[0] << 16 | (uint32_t)(unsigned char)p[1] << 8 | (unsigned char)p[2];
        uint16_t *slot = &t->last[key * 2654435761u >> 20];
        size_t from = *slot, n = 0;
        *slot = (uint16_t)i;
        while (from < i && n < 127 && i + n < TEXT && t->plain[from + n] == p[n])
            n++;
        if (n < 4) {
            t->packed[out++] = (unsigned char)(p[0] & 0x7f);
            i++;
            continue;
        }
        t->packed[out++] = (unsigned char)(0x80 | n);
        t->packed[out++] = (unsigned char)((i - from) & 255);
        t->packed[out++] = (unsigned char)((i - from) >> 8);
        i += n;
    }
    return out;
}

static size_t lz_unpack(struct texts *t, size_t packed)
{
    size_t out = 0;
    for (size_t i = 0; i < packed;) {
        unsigned char c = t->packed[i++];
        if (c < 0x80) {
            t->back[out++] = c;
            continue;
        }
        size_t back = t->packed[i] | (size_t)t->packed[i + 1] << 8;
        i += 2;
        for (size_t n = c & 0x7f; n > 0; n--, out++)
            t->back[out] = t->back[out - back];
    }
    return out;
}

static uint64_t lz_run(void *state)
{
    struct texts *t = state;
    size_t packed = lz_pack(t), out = lz_unpack(t, packed);
    must(memcmp(t->back, t->plain, out) == 0, "unpacked what was packed");
    return mix(packed, out);
}

static uint64_t zlib_run(void *state)
{
    struct texts *t = state;
    uLongf packed = PACKED, back = TEXT;
    must(compress2(t->packed, &packed, (const Bytef *)t->plain, TEXT, 6) == Z_OK, "compress");
    must(uncompress(t->back, &back, t->packed, packed) == Z_OK && back == TEXT, "uncompress");
    must(memcmp(t->back, t->plain, TEXT) == 0, "unpacked what was packed");
    return mix(crc32(0, t->packed, (uInt)packed), packed);
}

static uint64_t malloc_run(void *state)
{
    void **live = state;
    uint64_t seed = 21, h = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t r = next(&seed);
        size_t at = r >> 54, bytes = (r & 15) == 0 ? r >> 20 & 4095 : r >> 20 & 255;
        free(live[at]);
        live[at] = malloc(bytes + 8);
        *(uint64_t *)live[at] = bytes;
        h += *(uint64_t *)live[at];
    }
    for (int i = 0; i < LIVE; i++) {
        free(live[i]);
        live[i] = NULL;
    }
    return h;
}

static void *live_setup(const struct settings *s)
{
    (void)s;
    return room(LIVE * sizeof(void *));
}

static uint64_t printf_run(void *state)
{
    char line[128];
    uint64_t h = 0, seed = 31;
    (void)state;
    for (int i = 0; i < LINES; i++) {
        uint64_t r = next(&seed);
        int n = snprintf(line, sizeof(line), "%s[%d]: %08llx %-10s %5u %c", "process", i,
                         (unsigned long long)r >> 32, (r & 1) != 0 ? "started" : "ended",
                         (unsigned)(r & 65535), 'a' + i % 26);
        h = mix(h, (uint64_t)n + (unsigned char)line[n - 1]);
    }
    return h;
}

static uint64_t strings_run(void *state)
{
    struct texts *t = state;
    char word[32];
    uint64_t h = 0;
    for (const char *p = t->plain, *end = t->plain + TEXT / 4; p < end;) {
        const char *space = memchr(p, ' ', (size_t)(end - p));
        size_t n = space != NULL ? (size_t)(space - p) : 1;
        if (n >= sizeof(word))
            n = sizeof(word) - 1;
        memcpy(word, p, n);
        word[n] = 0;
        h += strlen(word) + (size_t)(strcmp(word, "the") == 0) + (size_t)(strchr(word, 'e') != NULL);
        h += strstr("whereas the quick brown fox", word) != NULL;
        p += n + 1;
    }
    return h;
}

const struct work works_text[] = {
    {"lz", "int", TEXT, texts_setup, lz_run, "byte"},
    {"zlib", "int", TEXT, texts_setup, zlib_run, "byte"},
    {"malloc", "int", 10000, live_setup, malloc_run, "malloc+free"},
    {"printf", "int", LINES, NULL, printf_run, "line"},
    {"strings", "mem", TEXT / 4, texts_setup, strings_run, "byte"},
    {0},
};

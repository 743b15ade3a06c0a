// SPDX-License-Identifier: GPL-2.0-or-later
/* words: see words.h. */
#include "cli/words.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cpu/cpu.h"

void word_name(char *ret, size_t size)
{
    static const char *const how[32] = {
        "able", "bold", "brave", "brisk", "calm",  "clear", "clever", "cool",  "dry",  "eager", "early",
        "fair", "fine", "firm",  "fond",  "fresh", "glad",  "keen",   "kind",  "late", "light", "merry",
        "mild", "neat", "quick", "quiet", "ripe",  "sharp", "sunny",  "swift", "warm", "wise"};
    static const char *const who[32] = {
        "badger", "bear",  "beaver", "bison", "crane", "crow",  "deer",  "dove", "eagle", "falcon", "finch",
        "fox",    "goose", "hare",   "hawk",  "heron", "horse", "ibis",  "lark", "lynx",  "marten", "mole",
        "moose",  "otter", "owl",    "raven", "robin", "seal",  "stork", "swan", "wolf",  "wren"};
    uint8_t r[2] = {0};
    if (getrandom(r, sizeof(r), GRND_NONBLOCK) < 0)
        r[0] = r[1] = 0; /* the caller finds out which names are taken */
    snprintf(ret, size, "%s-%s", how[r[0] % 32], who[r[1] % 32]);
}

static uint32_t debug_bit(const char *word, size_t len)
{
    static const struct {
        const char *name;
        enum cpu_debug bit;
    } names[] = {
        {"step", CPU_DEBUG_STEP},       {"no-chain", CPU_DEBUG_NO_CHAIN},
        {"no-tlb", CPU_DEBUG_NO_TLB},   {"no-group", CPU_DEBUG_NO_GROUP},
        {"no-live", CPU_DEBUG_NO_LIVE}, {"no-jcache", CPU_DEBUG_NO_JCACHE},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i].name) == len && memcmp(names[i].name, word, len) == 0)
            return (uint32_t)names[i].bit;
    return 0;
}

int word_debug_bits(const char *list, uint32_t *ret, struct err *e)
{
    uint32_t bits = 0;
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        uint32_t bit = debug_bit(p, len);
        if (!bit)
            return err_set(
                e, -EINVAL,
                "--engine-debug: not one of step, no-chain, no-tlb, no-group, no-live, no-jcache: %.*s",
                (int)len, p);
        bits |= bit;
        p += len;
        if (!*p)
            break;
    }
    *ret = bits;
    return 0;
}

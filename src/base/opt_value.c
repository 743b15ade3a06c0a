// SPDX-License-Identifier: GPL-2.0-or-later
/* opt_value: numbers, sizes and spans of time as people type them, and which name they meant. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* text = digits [. digits] [unit]; the value in units of 1, rounded down. */
static int measure(const char *text, const struct unit *units, uint64_t *ret)
{
    const char *p = text;
    uint64_t whole = 0, part = 0, scale = 1;
    if (!isdigit((unsigned char)*p))
        return -EINVAL;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
            return -ERANGE;
    if (*p == '.' && isdigit((unsigned char)p[1]))
        for (p++; isdigit((unsigned char)*p); p++)
            if (scale < 1000000) {
                part = part * 10 + (uint64_t)(*p - '0');
                scale *= 10;
            }
    while (units->name && strcasecmp(units->name, p) != 0)
        units++;
    if (!units->name || (part && units->factor == 1))
        return -EINVAL;
    if (__builtin_mul_overflow(whole, units->factor, &whole) ||
        __builtin_add_overflow(whole, (uint64_t)((unsigned __int128)part * units->factor / scale), &whole))
        return -ERANGE;
    *ret = whole;
    return 0;
}

#define PREFIX(p, shift)                                                                                     \
    {p, 1ull << (shift)}, {p "B", 1ull << (shift)},                                                          \
    {                                                                                                        \
        p "iB", 1ull << (shift)                                                                              \
    }

int opt_size(const char *text, uint64_t *ret, struct err *e)
{
    static const struct unit units[] = {{"", 1},         {"B", 1},        PREFIX("K", 10), PREFIX("M", 20),
                                        PREFIX("G", 30), PREFIX("T", 40), {NULL, 0}};
    int rc = measure(text, units, ret);
    if (rc == -ERANGE)
        return err_set(e, -EINVAL, "too large: %.64s", text);
    return rc < 0 ? err_set(e, rc, "not a size: %.64s (like 512M or 2G)", text) : 0;
}

int opt_time(const char *text, struct opt_time *ret, struct err *e)
{
    static const struct unit units[] = {{"", 1000},     {"s", 1000},    {"ms", 1}, {"m", 60000},
                                        {"min", 60000}, {"h", 3600000}, {NULL, 0}};
    int rc = measure(text, units, &ret->ms);
    if (rc == -ERANGE)
        return err_set(e, -EINVAL, "too long: %.64s", text);
    return rc < 0 ? err_set(e, rc, "not a time: %.64s (like 10, 500ms or 2m)", text) : 0;
}

int opt_number(const char *text, unsigned *ret, struct err *e)
{
    static const struct unit units[] = {{"", 1}, {NULL, 0}};
    uint64_t n;
    int rc = measure(text, units, &n);
    if (rc == -EINVAL)
        return err_set(e, rc, "not a number: %.64s", text);
    if (rc < 0 || n > UINT32_MAX)
        return err_set(e, -EINVAL, "too large: %.64s", text);
    *ret = (unsigned)n;
    return 0;
}

/* Slips of the fingers between two words: letters missing, added, wrong, or swapped with the neighbour. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][65] = {0}, la = (unsigned)strlen(a), lb = (unsigned)strlen(b);
    if (la > 64 || lb > 64)
        return 64;
    for (unsigned j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= la; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < d)
                d = last[j] + 1;
            if (now[j - 1] + 1 < d)
                d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
        }
    }
    return rows[la % 3][lb];
}

const char *opt_nearest(const char *typed, const char *const *names, unsigned nr)
{
    const char *best = NULL;
    unsigned least = strlen(typed) <= 3 ? 2 : 3;
    for (unsigned i = 0; i < nr; i++) {
        unsigned d = distance(typed, names[i]);
        if (d < least && d < strlen(names[i])) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

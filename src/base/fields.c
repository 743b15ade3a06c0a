// SPDX-License-Identifier: GPL-2.0-or-later
/* fields: see fields.h. */
#include "base/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool fields_valid(const void *list, size_t len)
{
    const char *p = list, *end = p + len;
    while (p < end) {
        const char *stop = memchr(p, 0, (size_t)(end - p));
        const char *equals = memchr(p, '=', (size_t)(end - p));
        if (!stop || !equals || equals > stop || equals == p)
            return false;
        p = stop + 1;
    }
    return true;
}

/* The value of the first field at or behind p that has this name. */
static const char *find(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);
    while (p < end) {
        if (!strncmp(p, name, n) && p[n] == '=')
            return p + n + 1;
        p += strlen(p) + 1;
    }
    return NULL;
}

const char *fields_get(const void *list, size_t len, const char *name)
{
    return find(list, (const char *)list + len, name);
}

const char *fields_next(const void *list, size_t len, const char *name, const char *after)
{
    return find(after + strlen(after) + 1, (const char *)list + len, name);
}

uint64_t fields_number(const void *list, size_t len, const char *name, uint64_t max, uint64_t without)
{
    const char *text = fields_get(list, len, name);
    if (!text || *text < '0' || *text > '9')
        return without;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    return errno || *end || n > max ? without : n;
}

bool fields_add(void *list, size_t cap, size_t *len, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);
    if (n + v + 2 > cap - *len)
        return false;
    char *p = (char *)list + *len;
    memcpy(p, name, n);
    p[n] = '=';
    memcpy(p + n + 1, value, v + 1);
    *len += n + v + 2;
    return true;
}

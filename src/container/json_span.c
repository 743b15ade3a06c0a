// SPDX-License-Identifier: GPL-2.0-or-later
/* json_span: see json_span.h. */
#include "container/json_span.h"

#include <string.h>

struct scan {
    const char *at, *end;
};

static void blanks(struct scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
}

static bool is(struct scan *s, char c)
{
    blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* At a quote: the text between it and its end. */
static bool string(struct scan *s, struct scan *ret)
{
    if (!is(s, '"'))
        return false;
    ret->at = s->at;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' ? 2 : 1;
    if (s->at >= s->end)
        return false;
    ret->end = s->at++;
    return true;
}

/* Over an object or array: brackets are counted, strings skipped. */
static bool skip_nested(struct scan *s)
{
    struct scan text;
    unsigned depth = 0;
    while (s->at < s->end) {
        char c = *s->at;
        if (c == '"') {
            if (!string(s, &text))
                return false;
            continue;
        }
        s->at++;
        if (c == '{' || c == '[')
            depth++;
        if ((c == '}' || c == ']') && --depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(struct scan *s)
{
    struct scan text;
    blanks(s);
    if (s->at == s->end)
        return false;
    if (*s->at == '"')
        return string(s, &text);
    if (*s->at == '{' || *s->at == '[')
        return skip_nested(s);
    while (s->at < s->end && !strchr(",}] \t\r\n", *s->at))
        s->at++;
    return true;
}

static bool same(const struct scan *text, const char *key)
{
    size_t len = strlen(key);
    return (size_t)(text->end - text->at) == len && memcmp(text->at, key, len) == 0;
}

/* Leaves s at the value of `key` of the object at s. */
static bool enter(struct scan *s, const char *key)
{
    struct scan name;
    if (!is(s, '{'))
        return false;
    do {
        if (!string(s, &name) || !is(s, ':'))
            return false;
        blanks(s);
        if (same(&name, key))
            return true;
        if (!skip_value(s))
            return false;
    } while (is(s, ','));
    return false;
}

bool json_span_find(const char *text, size_t len, const char *outer, const char *inner, struct span *ret)
{
    struct scan s = {.at = text, .end = text + len};
    if (!enter(&s, outer) || !enter(&s, inner))
        return false;
    const char *start = s.at;
    if (!skip_value(&s))
        return false;
    *ret = (struct span){.start = (size_t)(start - text), .end = (size_t)(s.at - text)};
    return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* err: see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes the character at s has, 0: it is none, or one that a terminal obeys. */
static size_t character(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;
    if (s[0] < 0x20 || s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

/* Names that others chose may hold newlines, escape sequences and, cut, halves of characters. */
static void make_plain(char *text)
{
    for (size_t n; *text; text += n ? n : 1)
        if ((n = character((unsigned char *)text)) == 0)
            *text = '?';
}

__attribute__((format(printf, 3, 0))) static void fill(struct err *e, int code, const char *fmt, va_list ap,
                                                       const char *tail)
{
    if (!e)
        return;
    char text[sizeof(e->text)]; /* the arguments may point into e->text */
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n < 0)
        n = 0;
    if (tail && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, ": %s", tail);
    make_plain(text);
    e->code = code;
    memcpy(e->text, text, sizeof(text));
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, fmt, ap, NULL);
    va_end(ap);
    return code;
}

int err_code(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, fmt, ap, strerror(-code));
    va_end(ap);
    return code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
    int code = -errno;
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, fmt, ap, strerror(-code));
    va_end(ap);
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return -EIO;
    va_list ap;
    va_start(ap, fmt);
    fill(e, e->code ? e->code : -EIO, fmt, ap, e->text);
    va_end(ap);
    return e->code;
}

void bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "hospes: bug at %s:%d: %s\n", file, line, what);
    abort();
}

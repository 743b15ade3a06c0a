// SPDX-License-Identifier: GPL-2.0-or-later
/* err: see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    fill(e, e->code, fmt, ap, e->text);
    va_end(ap);
    return e->code;
}

void bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "hospes: bug at %s:%d: %s\n", file, line, what);
    abort();
}

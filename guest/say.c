// SPDX-License-Identifier: GPL-2.0-or-later
/* say: see say.h. */
#include "guest/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static void line(const char *fmt, va_list ap)
{
    char text[512] = "hospes-init: ";
    size_t n = strlen(text);
    vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
    n = strlen(text);
    text[n++] = '\n';
    if (write(STDERR_FILENO, text, n) < 0) {
        /* nobody looks at the console */
    }
}

void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    line(fmt, ap);
    va_end(ap);
}

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    line(fmt, ap);
    va_end(ap);
    exit(1);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* log: see log.h. A line is one write(2), so that threads and processes do not mix theirs. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic int sink = STDERR_FILENO;
static _Atomic int threshold = LOG_INFO;

void log_to(int fd, enum log_level least)
{
    sink = fd;
    threshold = (int)least;
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *fmt, va_list ap,
                                                       unsigned dropped)
{
    static const char *const names[] = {"debug: ", "", "warning: ", "error: "};
    char line[1024];
    int n = snprintf(line, sizeof(line), "hospes: %s", names[level]);
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    if (m > 0)
        n += m;
    if (n > (int)sizeof(line) - 48)
        n = (int)sizeof(line) - 48;
    if (dropped)
        n += snprintf(line + n, 47, " (and %u more such)", dropped);
    line[n++] = '\n';
    if (write(sink, line, (size_t)n) < 0) {
        /* nowhere left to say it */
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if ((int)level < threshold)
        return;
    va_list ap;
    va_start(ap, fmt);
    emit(level, fmt, ap, 0);
    va_end(ap);
}

void log_guest(struct log_limit *l, const char *fmt, ...)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t now_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    if (l->last_ms && now_ms - l->last_ms < 1000) {
        l->dropped++;
        return;
    }
    unsigned dropped = l->dropped;
    l->last_ms = now_ms;
    l->dropped = 0;
    va_list ap;
    va_start(ap, fmt);
    emit(LOG_WARN, fmt, ap, dropped);
    va_end(ap);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log: what the monitor tells its operator. One line a call, to one sink (stderr until told otherwise).
 * Lower layers return errors instead; only who decides what to do logs. Threads: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_to(int fd, enum log_level least); /* fd is borrowed */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)

/* For what a guest can cause as often as it likes: at most one line a second a place, with a count. */
struct log_limit {
    int64_t last_ms;
    unsigned dropped;
};
void log_guest(struct log_limit *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

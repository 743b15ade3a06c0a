// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * utc: see utc.h. Source: RFC 3339. Years begin in March here, so that the day that leap years add is their
 * last one; 400 years always have 146097 days.
 */
#include "base/utc.h"

#include <stdio.h>

struct date {
    unsigned year, month, day;
};

static struct date date_of(unsigned long days_since_1970)
{
    unsigned long days = days_since_1970 + 719468; /* since 1 March of the year 0 */
    unsigned era = (unsigned)(days / 146097), rest = (unsigned)(days % 146097);
    unsigned year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    unsigned day = rest - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day + 2) / 153; /* March to July, August to December: 153 days */
    bool next = month >= 10;              /* January and February of our year belong to the next one */
    return (struct date){
        .year = 400 * era + year + next,
        .month = next ? month - 9 : month + 3,
        .day = day - (153 * month + 2) / 5 + 1,
    };
}

void utc_text(struct timespec t, bool fraction, char ret[UTC_SIZE])
{
    const struct date d = date_of((unsigned long)t.tv_sec / 86400);
    unsigned s = (unsigned)((unsigned long)t.tv_sec % 86400);
    int n = snprintf(ret, UTC_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u", d.year, d.month, d.day, s / 3600,
                     s / 60 % 60, s % 60);
    if (fraction)
        snprintf(ret + n, (size_t)(UTC_SIZE - n), ".%09ldZ", t.tv_nsec);
    else
        snprintf(ret + n, (size_t)(UTC_SIZE - n), "Z");
}

void utc_now(char ret[UTC_SIZE])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    utc_text(now, false, ret);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* progress: see progress.h. */
#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define FIRST_NS  500000000u /* shorter work shows nothing */
#define REDRAW_NS 100000000u
#define BAR       24u

static uint64_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void progress_init(struct progress *p, int fd)
{
    if (p)
        *p = (struct progress){.fd = fd, .terminal = isatty(fd) == 1};
}

void progress_start(struct progress *p, const char *what, uint64_t total, enum progress_unit unit)
{
    if (!p)
        return;
    progress_done(p);
    snprintf(p->what, sizeof(p->what), "%s", what);
    p->unit = unit;
    p->total = total;
    p->done = 0;
    p->start_ns = now();
    p->drawn_ns = 0;
    p->active = true;
}

/* ---- the line ---- */

static void put_bytes(char *text, size_t len, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;
    double v = (double)bytes;
    while (v >= 1000 && u < 4) {
        v /= 1024;
        u++;
    }
    snprintf(text, len, u && v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static void put_bar(char *bar, unsigned width, uint64_t permille)
{
    unsigned full = (unsigned)(permille * width / 1000);
    memset(bar, '#', full);
    memset(bar + full, '-', width - full);
    bar[width] = 0;
}

void progress_text(const struct progress *p, uint64_t now_ns, unsigned width, char *text, size_t len)
{
    char bytes[72] = "", bar[BAR + 1] = "";
    uint64_t done = p->total && p->done > p->total ? p->total : p->done;
    if (p->unit == PROGRESS_BYTES) {
        char have[16], all[16], rate[16];
        put_bytes(have, sizeof(have), done);
        put_bytes(all, sizeof(all), p->total);
        double seconds = (double)(now_ns - p->start_ns) / 1e9;
        put_bytes(rate, sizeof(rate), seconds > 0 ? (uint64_t)((double)done / seconds) : 0);
        if (p->total)
            snprintf(bytes, sizeof(bytes), "  %s of %s  %s/s", have, all, rate);
        else
            snprintf(bytes, sizeof(bytes), "  %s  %s/s", have, rate);
    }
    if (p->total) {
        uint64_t permille = (uint64_t)((double)done * 1000 / (double)p->total);
        put_bar(bar, BAR, permille);
        snprintf(text, len, "%s  [%s] %3u%%%s", p->what, bar, (unsigned)(permille / 10), bytes);
    } else {
        snprintf(text, len, "%s ...%s", p->what, bytes);
    }
    if (width < len)
        text[width] = 0;
}

static unsigned columns(int fd)
{
    struct winsize ws;
    return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1 ? ws.ws_col - 1u : 79;
}

static void draw(struct progress *p, uint64_t at_ns)
{
    char text[200], line[240];
    if (p->terminal)
        progress_text(p, at_ns, columns(p->fd), text, sizeof(text));
    else
        snprintf(text, sizeof(text), "%s ...", p->what);
    int n = snprintf(line, sizeof(line), p->terminal ? "\r%s\033[K" : "%s\n", text);
    (void)file_write_all(p->fd, line, (size_t)n);
    p->drawn = true;
    p->drawn_ns = at_ns;
}

void progress_to(struct progress *p, uint64_t done)
{
    if (!p || !p->active)
        return;
    p->done = done;
    if (p->drawn && !p->terminal)
        return;
    uint64_t at = now();
    if (at - p->start_ns >= FIRST_NS && at - p->drawn_ns >= REDRAW_NS)
        draw(p, at);
}

void progress_add(struct progress *p, uint64_t n)
{
    if (p)
        progress_to(p, p->done + n);
}

void progress_done(struct progress *p)
{
    if (!p)
        return;
    if (p->drawn && p->terminal)
        (void)file_write_all(p->fd, "\r\033[K", 4);
    p->drawn = p->active = false;
}

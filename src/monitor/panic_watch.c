// SPDX-License-Identifier: GPL-2.0-or-later
/* panic_watch: see panic_watch.h. */
#include "monitor/panic_watch.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char said[] = "Kernel panic - not syncing: ";
static const char done[] = "---[ end Kernel panic - not syncing: ";

/* Behind "[    1.234567] " or "[    1.234567][    T1] ", as printk puts it in front. */
static const char *behind_stamp(const char *line)
{
    while (*line == '[') {
        const char *end = line + 1 + strspn(line + 1, " 0123456789.TC");
        if (end == line + 1 || *end != ']')
            return line;
        line = end + 1;
        line += strspn(line, " ");
    }
    return line;
}

static enum panic_seen look(struct panic_watch *w)
{
    const char *text = behind_stamp(w->line);
    if (!strncmp(text, done, sizeof(done) - 1) && w->seen == PANIC_SAID)
        return w->seen = PANIC_DONE;
    if (strncmp(text, said, sizeof(said) - 1) != 0 || w->seen != PANIC_NOT)
        return PANIC_NOT;
    snprintf(w->why, sizeof(w->why), "%.*s", (int)sizeof(w->why) - 1, text + sizeof(said) - 1);
    for (char *c = w->why; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?'; /* it goes to terminals and into JSON */
    return w->seen = PANIC_SAID;
}

enum panic_seen panic_watch_feed(struct panic_watch *w, const void *bytes, size_t len)
{
    const char *from = bytes;
    enum panic_seen news = PANIC_NOT;
    for (size_t i = 0; i < len; i++) {
        char c = from[i];
        if (c != '\n' && c != '\r') {
            if (w->len < sizeof(w->line) - 1)
                w->line[w->len++] = c;
            continue;
        }
        w->line[w->len] = 0;
        w->len = 0;
        enum panic_seen now = look(w);
        news = now != PANIC_NOT ? now : news;
    }
    return news;
}

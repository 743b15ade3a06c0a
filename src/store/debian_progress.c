// SPDX-License-Identifier: GPL-2.0-or-later
/* debian_progress: see debian_progress.h. */
#include "store/debian_progress.h"

#include <stdio.h>
#include <string.h>

struct stage {
    const char *begins;   /* the line that it begins with */
    unsigned from;        /* in steps */
    unsigned per_package; /* how many lines that count a package has in it */
};

/* Shares of the time that a small image takes. */
static const struct stage stages[] = {
    {"I: running apt-get update", 10, 0},
    {"I: downloading packages with apt", 130, 1},
    {"I: extracting archives", 250, 0},
    {"I: installing essential packages", 320, 2},
    {"I: installing remaining packages", 580, 3},
    {"I: running --customize-hook", 860, 0},
    {"I: cleaning package lists", 940, 0},
    {"I: creating tarball", 960, 0},
    {"I: success", DEBIAN_STEPS, 0},
};
#define NR_STAGES ((unsigned)(sizeof(stages) / sizeof(stages[0])))

static int starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static unsigned steps(const struct debian_progress *p)
{
    if (p->stage == 0)
        return 0;
    const struct stage *now = &stages[p->stage - 1];
    unsigned all = now->per_package * p->packages;
    unsigned end = p->stage < NR_STAGES ? stages[p->stage].from : DEBIAN_STEPS;
    if (all == 0)
        return now->from;
    return now->from + (end - now->from) * (p->seen < all ? p->seen : all) / all;
}

unsigned debian_progress_line(struct debian_progress *p, const char *line)
{
    unsigned upgraded, installed;
    for (unsigned i = p->stage; i < NR_STAGES; i++)
        if (starts(line, stages[i].begins)) {
            p->stage = i + 1;
            p->seen = 0;
        }
    if (sscanf(line, "%u upgraded, %u newly installed", &upgraded, &installed) == 2 && installed < 100000)
        p->packages = installed;
    if (starts(line, "Get:") || starts(line, "Unpacking ") || starts(line, "Setting up "))
        p->seen++;
    unsigned now = steps(p);
    if (now > p->done)
        p->done = now;
    return p->done;
}

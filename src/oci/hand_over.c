// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hand_over: this program is small since engines start it for each step; what machines need is in `hospes`,
 * which lies beside it or in PATH and takes the same words.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/oci.h"

/* The program beside the one called so; NULL: it was called without a folder. */
static char *beside(const char *self)
{
    const char *slash = strrchr(self, '/');
    return slash ? path_make("%.*s/hospes", (int)(slash - self), self) : NULL;
}

static void become(const struct globals *g, const char *file)
{
    unsigned nr = 0;
    while (g->words[nr])
        nr++;
    OWN_MEM char **argv = calloc(nr + 4, sizeof(*argv));
    BUG_ON(!argv);
    argv[0] = (char[]){"hospes"};
    argv[1] = (char[]){"oci"};
    argv[2] = (char[]){"--vm"};
    memcpy(argv + 3, g->words + 1, (nr ? nr - 1 : 0) * sizeof(*argv));
    execvp(file, argv);
}

int oci_hand_over(const struct globals *g, struct err *e)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = 0;
    OWN_MEM char *called = beside(g->words[0]);
    OWN_MEM char *real = beside(self);
    if (called)
        become(g, called);
    if (real)
        become(g, real);
    become(g, "hospes");
    return err_set(e, -ENOENT,
                   "config.json wants a machine, and there is no program hospes beside this one or in PATH");
}

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

/* self: a path with a folder. */
static char *beside(const char *self)
{
    return path_make("%.*s/hospes", (int)(strrchr(self, '/') - self), self);
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

/* By the name it was called by, by where that leads, by what the kernel says (nothing, of a protected copy).
 */
int oci_hand_over(const struct globals *g, struct err *e)
{
    const char *called = strchr(g->words[0], '/') ? g->words[0] : NULL;
    OWN_MEM char *leads = called ? realpath(called, NULL) : NULL;
    OWN_MEM char *self = realpath("/proc/self/exe", NULL);
    const char *names[] = {called, leads, self};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        OWN_MEM char *file = names[i] ? beside(names[i]) : NULL;
        if (file)
            become(g, file);
    }
    become(g, "hospes");
    return err_set(e, -ENOENT,
                   "config.json wants a machine, and there is no program hospes beside this one or in PATH");
}

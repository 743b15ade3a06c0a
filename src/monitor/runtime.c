// SPDX-License-Identifier: GPL-2.0-or-later
/* runtime: see runtime.h. */
#include "monitor/runtime.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "hospes-oci"
#define SELF "/proc/self/exe"

const char **runtime_argv(const struct runtime_call *c)
{
    const char *const first[] = {NAME, "--root", c->states,         "--report",
                                 "3",  "--log",  "/proc/self/fd/4", c->command};
    size_t nr = sizeof(first) / sizeof(first[0]), more = 0;
    while (c->args[more])
        more++;
    const char **argv = calloc(nr + more + 1, sizeof(*argv));
    if (!argv)
        return NULL;
    memcpy(argv, first, sizeof(first));
    memcpy(argv + nr, c->args, more * sizeof(*argv));
    return argv;
}

/* Beside this program, by whatever path that was started; by its name this program does the same. */
int runtime_exec(const char **argv)
{
    char path[PATH_MAX + sizeof(NAME)];
    char *const none[] = {NULL};
    ssize_t n = readlink(SELF, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = 0;
    char *slash = strrchr(path, '/');
    if (slash) {
        strcpy(slash + 1, NAME);
        execve(path, (char *const *)argv, none);
    }
    execve(SELF, (char *const *)argv, none);
    return -errno;
}

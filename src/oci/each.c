// SPDX-License-Identifier: GPL-2.0-or-later
/* each: see oci_each in oci.h. */
#include <dirent.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "oci/oci.h"

static int matching(const struct globals *g, const regex_t *re, const void *args, char **argv, each_fn *fn,
                    struct err *e)
{
    int rc = 0;
    DIR *d = opendir(g->states);
    const struct dirent *entry;
    while (d && rc == 0 && (entry = readdir(d)))
        if (entry->d_name[0] != '.' && regexec(re, entry->d_name, 0, NULL, 0) == 0)
            rc = fn(g, args, entry->d_name, argv, e);
    if (d)
        closedir(d);
    return rc;
}

int oci_each(const struct globals *g, bool regex, const void *args, char **argv, each_fn *fn, struct err *e)
{
    regex_t re;
    char why[80];
    if (!regex)
        return fn(g, args, argv[0], argv, e);
    int bad = regcomp(&re, argv[0], REG_EXTENDED | REG_NOSUB);
    if (bad) {
        regerror(bad, &re, why, sizeof(why));
        return err_set(e, -EINVAL, "--regex: \"%.80s\": %s", argv[0], why);
    }
    int rc = matching(g, &re, args, argv, fn, e);
    regfree(&re);
    return rc;
}

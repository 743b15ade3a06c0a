// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_archive: is a tar a saved image or a root file system? Its names tell, mostly the first one. */
#include <string.h>

#include "store/oci_source.h"
#include "store/tree.h"
#include "store/utf8.h"

/* What stands at the top of saved images besides. */
static bool may_be_of_image(const char *path)
{
    static const char *const names[] = {"blobs",         "repositories", "version",
                                        "manifest.json", "oci-layout",   "index.json"};
    size_t len = strcspn(path, "/");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && strncmp(names[i], path, len) == 0)
            return true;
    return strspn(path, "0123456789abcdef") == DIGEST_HEX; /* HEX/layer.tar, HEX.tar, HEX.json, HEX */
}

static bool is_index(const char *path)
{
    return strcmp(path, "index.json") == 0 || strcmp(path, "manifest.json") == 0;
}

int oci_archive_is(const char *path, bool *ret, struct err *e)
{
    OWN_UTF8 names = utf8_begin();
    OWN(tree) t = NULL;
    bool index = false;
    int rc = tree_open(&(struct tree_source){.path = path}, &t, e);
    while (rc >= 0 && !index && (rc = tree_next(t, e)) > 0) {
        const char *name = tree_path(t);
        while (strncmp(name, "./", 2) == 0)
            name += 2;
        if (*name && !may_be_of_image(name))
            break;
        index = is_index(name);
    }
    if (rc >= 0)
        *ret = index;
    return rc < 0 ? rc : 0;
}

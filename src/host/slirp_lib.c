// SPDX-License-Identifier: GPL-2.0-or-later
/* slirp_lib: see slirp_lib.h. Source: dlopen(3), dlsym(3). */
#include "host/slirp_lib.h"

#include <dlfcn.h>
#include <stddef.h>

#define NAME "libslirp.so.0"

#define FUNCTION(name) {"slirp_" #name, offsetof(struct slirp_lib, name)}
static const struct {
    const char *name;
    size_t at;
} functions[] = {
    FUNCTION(version_string), FUNCTION(new),          FUNCTION(cleanup),     FUNCTION(input),
    FUNCTION(pollfds_fill),   FUNCTION(pollfds_poll), FUNCTION(add_hostfwd), FUNCTION(remove_hostfwd),
};

int slirp_lib_open(struct slirp_lib *ret, struct err *e)
{
    struct slirp_lib l = {.handle = dlopen(NAME, RTLD_NOW | RTLD_LOCAL)};
    if (!l.handle)
        return err_set(e, -ENOENT, "%s", dlerror());
    for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(l.handle, functions[i].name);
        if (!found) {
            slirp_lib_close(&l);
            return err_set(e, -ENOENT, NAME ": has no %s", functions[i].name);
        }
        *(void **)((char *)&l + functions[i].at) = found;
    }
    *ret = l;
    return 0;
}

void slirp_lib_close(struct slirp_lib *l)
{
    if (l->handle)
        dlclose(l->handle);
    l->handle = NULL;
}

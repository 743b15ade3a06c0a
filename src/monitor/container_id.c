// SPDX-License-Identifier: GPL-2.0-or-later
/* container_id: see container_id.h. */
#include "monitor/container_id.h"

#include <libgen.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "container/container.h"

char *container_states(const struct guest_dir *d)
{
    OWN_MEM char *run = strdup(d->run);
    return run ? path_make("%s/.containers", dirname(run)) : NULL;
}

char *container_id(const struct guest_dir *d)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *p = d->run; *p; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    return path_make("%s.%08x", d->name, h);
}

void container_sweep(const struct guest_dir *d)
{
    OWN_MEM char *id = container_id(d), *states = container_states(d);
    if (id && states)
        (void)container_delete(states, id, true, NULL);
}

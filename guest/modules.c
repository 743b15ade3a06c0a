// SPDX-License-Identifier: GPL-2.0-or-later
/* modules: see modules.h. Made by the host: src/vm/initramfs.c. */
#include "guest/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "guest/say.h"

static void load(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
        say("module %s: %s", name, strerror(errno));
}

void modules_load(const char *folder)
{
    char path[256], name[128];
    snprintf(path, sizeof(path), "%s/order", folder);
    OWN_FILE f = fopen(path, "re");
    while (f && fgets(name, sizeof(name), f)) {
        name[strcspn(name, "\n")] = 0;
        load(folder, name);
    }
}

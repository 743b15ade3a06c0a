// SPDX-License-Identifier: GPL-2.0-or-later
/* criu_streams: see criu_streams.h. Source: CRIU, criu(8), "--external", "--inherit-fd". */
#include "container/criu_streams.h"

#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "container/criu.h"
#include "container/outside.h"
#include "container/wire.h"

#define FILE_NAME "descriptors.json"

/* Terminals are criu's --shell-job. */
static bool is_file(const struct statx *x)
{
    return S_ISREG(x->stx_mode) || (S_ISCHR(x->stx_mode) && x->stx_rdev_major == MEM_MAJOR);
}

/* A file that is open but on none of the container's mounts: true, and its name for criu. */
static bool foreign(pid_t pid, int fd, const char *mounts, char *ret, size_t size)
{
    char path[40];
    struct statx x;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &x) < 0 || !is_file(&x))
        return false;
    OWN_MEM char *at = outside_mountpoint(mounts, x.stx_mnt_id);
    snprintf(ret, size, "file[%llx:%llx]", (unsigned long long)x.stx_mnt_id, (unsigned long long)x.stx_ino);
    return !at;
}

static json_t *names(const struct state *s, const char *mounts, struct buf *opts)
{
    json_t *list = json_array();
    for (int i = 0; i < 3; i++) {
        char name[64];
        bool known = foreign(s->pid, i, mounts, name, sizeof(name));
        if (known)
            wire_text(opts, CRIU_EXTERNAL, name);
        json_array_append_new(list, json_string(known ? name : s->stdio[i] ? s->stdio[i] : ""));
    }
    return list;
}

int criu_streams_save(const struct config *c, const struct state *s, int images, struct buf *opts,
                      struct err *e)
{
    char path[64];
    OWN_MEM char *mounts = NULL;
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", s->pid);
    int rc = file_read(path, 16 << 20, &mounts, NULL, e);
    if (rc < 0)
        return rc;
    OWN(json_t) list = c->process.terminal ? json_pack("[s,s,s]", "", "", "") : names(s, mounts, opts);
    OWN_MEM char *text = json_dumps(list, JSON_COMPACT);
    BUG_ON(!text);
    snprintf(path, sizeof(path), "/proc/self/fd/%d/" FILE_NAME, images);
    return file_write_atomic(path, text, strlen(text), 0600, e);
}

int criu_streams_inherit(const char *images, struct buf *opts, struct err *e)
{
    OWN_MEM char *path = path_make("%s/" FILE_NAME, images), *text = NULL;
    size_t len;
    int rc = file_read(path, 65536, &text, &len, e);
    if (rc < 0)
        return rc == -ENOENT ? err_set(e, rc, "%s holds no checkpoint", images) : rc;
    OWN(json_t) list = json_loadb(text, len, 0, NULL);
    for (unsigned i = 0; i < 3; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && (strncmp(name, "pipe:[", 6) == 0 || strncmp(name, "file[", 5) == 0))
            outside_inherit(opts, name, (int)i);
    }
    return 0;
}

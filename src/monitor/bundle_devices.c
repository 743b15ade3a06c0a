// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_devices: see bundle_devices.h. */
#include "monitor/bundle_devices.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/own.h"
#include "monitor/guest_option.h"

#define DEVICES_MAX 1024
#define DEPTH_MAX   4 /* of folders below /dev */

struct list {
    struct bundle_device *item;
    unsigned nr;
};

void bundle_devices_free(struct bundle_device *list, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        free(list[i].path);
    free(list);
}

static bool is_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

static int append(struct list *l, const char *path, const struct stat *st, const char *access)
{
    struct bundle_device *more = realloc(l->item, (l->nr + 1) * sizeof(*more));
    char *name = strdup(path);
    if (more)
        l->item = more;
    if (!more || !name) {
        free(name);
        return -ENOMEM;
    }
    l->item[l->nr] = (struct bundle_device){.path = name,
                                            .block = S_ISBLK(st->st_mode),
                                            .major = major(st->st_rdev),
                                            .minor = minor(st->st_rdev),
                                            .uid = st->st_uid,
                                            .gid = st->st_gid,
                                            .mode = st->st_mode & 07777};
    snprintf(l->item[l->nr++].access, sizeof(l->item->access), "%s", access);
    return 0;
}

static int find_one(struct list *l, const char *text, struct err *e)
{
    OWN_DEVICE d = {0};
    struct stat st;
    int rc = guest_device_parse(text, &d, e);
    if (rc < 0)
        return rc;
    if (stat(d.from, &st) < 0)
        return err_sys(e, "device %s", d.from);
    if (!is_device(&st))
        return err_set(e, -ENODEV, "%s is no device", d.from);
    rc = append(l, d.to, &st, d.access);
    return rc < 0 ? err_code(e, rc, "device %s", d.from) : 0;
}

/* ---- all of the host's ---- */

/* What each container has of its own. */
static bool is_own(const char *path)
{
    static const char *const own[] = {"/dev/pts",     "/dev/shm",  "/dev/mqueue", "/dev/fd",
                                      "/dev/console", "/dev/ptmx", "/dev/tty"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(path, own[i]) == 0)
            return true;
    return false;
}

static void close_folder(DIR **d)
{
    if (*d)
        closedir(*d);
}

static int find_all(struct list *l, const char *folder, int depth)
{
    __attribute__((cleanup(close_folder))) DIR *d = opendir(folder);
    struct dirent *entry;
    int rc = 0;
    while (d && rc == 0 && l->nr < DEVICES_MAX && (entry = readdir(d))) {
        struct stat st;
        OWN_MEM char *path = path_make("%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || !path || is_own(path) || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            rc = find_all(l, path, depth + 1);
        else if (is_device(&st))
            rc = append(l, path, &st, "rwm");
    }
    return rc;
}

int bundle_devices_find(const struct guest_container *c, struct bundle_device **ret, unsigned *ret_nr,
                        struct err *e)
{
    struct list l = {0};
    int rc = c->privileged ? find_all(&l, "/dev", 0) : 0;
    if (rc < 0)
        err_code(e, rc, "devices of the host");
    for (const char *const *p = c->devices; p && *p && rc == 0; p++)
        rc = find_one(&l, *p, e);
    *ret = l.item;
    *ret_nr = l.nr;
    return rc;
}

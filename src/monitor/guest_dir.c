// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_dir: see guest_dir.h. */
#include "monitor/guest_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/paths.h"
#include "base/utc.h"
#include "monitor/container_id.h"
#include "monitor/container_ids.h"

#define LOCK_TRIES 200 /* 10 ms apart */

void guest_dir_free(struct guest_dir *d)
{
    if (!d)
        return;
    own_fd(&d->lock);
    free(d->name);
    free(d->dir);
    free(d->run);
    free(d);
}

static char *guests_folder(void)
{
    OWN_MEM char *data = paths_data();
    return data ? path_make("%s/guests", data) : NULL;
}

int guest_dir_at(const char *name, struct guest_dir **ret, struct err *e)
{
    int rc = guest_check_name(name, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *guests = guests_folder();
    OWN_MEM char *run = NULL;
    if ((rc = paths_run(&run, e)) < 0)
        return rc;
    OWN(guest_dir) d = calloc(1, sizeof(*d));
    if (!d || !guests)
        return err_code(e, -ENOMEM, "guest %s", name);
    d->lock = -1;
    d->name = strdup(name);
    d->dir = path_make("%s/%s", guests, name);
    d->run = path_make("%s/%s", run, name);
    if (!d->name || !d->dir || !d->run)
        return err_code(e, -ENOMEM, "guest %s", name);
    *ret = take(d);
    return 0;
}

char *guest_dir_file(const struct guest_dir *d, const char *name)
{
    return path_make("%s/%s", d->dir, name);
}

char *guest_dir_run_file(const struct guest_dir *d, const char *name)
{
    return path_make("%s/%s", d->run, name);
}

static bool is_there(const struct guest_dir *d)
{
    OWN_MEM char *about = guest_dir_file(d, "guest.json");
    return about && access(about, F_OK) == 0;
}

int guest_dir_open(const char *name, struct guest_dir **ret, struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc = guest_dir_at(name, &d, e);
    if (rc < 0)
        return rc;
    if (!is_there(d))
        return err_set(e, -ENOENT, "no guest is called %s", name);
    *ret = take(d);
    return 0;
}

/* ---- record ---- */

json_t *guest_time(void)
{
    char text[UTC_SIZE];
    utc_now(text);
    return json_string(text);
}

int guest_dir_load(const struct guest_dir *d, json_t **ret, struct err *e)
{
    OWN_MEM char *about = guest_dir_file(d, "guest.json");
    if (!about)
        return err_code(e, -ENOMEM, "guest %s", d->name);
    int rc = json_load(about, ret, e);
    if (rc == -ENOENT)
        return err_set(e, rc, "no guest is called %s", d->name);
    return rc;
}

/* A guest that goes at its end needs not outlive a crash of the host: its record is replaced, but not synced.
 */
static int store_quickly(const char *about, const json_t *j, struct err *e)
{
    OWN_MEM char *text = json_dumps(j, JSON_INDENT(2));
    OWN_MEM char *tmp = path_make("%s.new", about);
    OWN_FD fd = text && tmp ? open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    if (fd < 0 || file_write_all(fd, text, strlen(text)) < 0 || rename(tmp, about) < 0)
        return err_sys(e, "%s", about);
    return 0;
}

static int store(const struct guest_dir *d, const json_t *j, struct err *e)
{
    OWN_MEM char *about = guest_dir_file(d, "guest.json");
    bool fleeting = json_is_true(json_object_get(j, "rm"));
    if (about && fleeting)
        return store_quickly(about, j, e);
    return about ? json_store(about, j, e) : err_code(e, -ENOMEM, "guest %s", d->name);
}

int guest_dir_record(const struct guest_dir *d, json_t *fields, struct err *e)
{
    OWN(json_t) j = NULL;
    int rc = guest_dir_load(d, &j, e);
    if (rc < 0)
        return rc;
    return json_object_update(j, fields) < 0 ? err_code(e, -ENOMEM, "guest %s", d->name) : store(d, j, e);
}

/* ---- lock ---- */

/* Whether the open file is still the one of that name: who held it before may have removed it. */
static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int try_lock(struct guest_dir *d, const char *path, struct err *e)
{
    int rc = dir_make(d->run, 0700, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOENT ? -EAGAIN : err_sys(e, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : err_sys(e, "%s", path);
    if (!same_file(fd, path))
        return -EAGAIN;
    own_fd(&d->lock);
    d->lock = take_fd(&fd);
    return 0;
}

/* A monitor has a pid file soon; others hold the lock for a moment only: wait for those. */
static int lock(struct guest_dir *d, struct err *e)
{
    OWN_MEM char *path = guest_dir_run_file(d, "lock");
    OWN_MEM char *pid = guest_dir_run_file(d, "pid");
    if (!path || !pid)
        return err_code(e, -ENOMEM, "guest %s", d->name);
    for (int i = 0; i < LOCK_TRIES; i++) {
        int rc = try_lock(d, path, e);
        if (rc != -EAGAIN)
            return rc;
        if (access(pid, F_OK) == 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return err_set(e, -EBUSY, "guest %s is running", d->name);
}

bool guest_dir_alive(const struct guest_dir *d)
{
    OWN_MEM char *path = guest_dir_run_file(d, "lock");
    OWN_FD fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Whether the lock that is held still stands for the guest: a fork of ours may have removed both. */
static bool holds(const struct guest_dir *d)
{
    OWN_MEM char *path = guest_dir_run_file(d, "lock");
    return path && d->lock >= 0 && same_file(d->lock, path);
}

static void give_up(struct guest_dir *d)
{
    own_fd(&d->lock);
    d->lock = -1;
}

/* The lock file goes last, and only ours: a new one may stand there the moment after. */
void guest_dir_unlock(struct guest_dir *d)
{
    if (!holds(d)) {
        give_up(d);
        return;
    }
    static const char *const files[] = {"config.json", "hosts",     "resolv.conf", "hostname", "tty",
                                        "exec",        "exec.json", "control",     "pid",      "lock"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        OWN_MEM char *path = guest_dir_run_file(d, files[i]);
        if (path)
            unlink(path);
    }
    rmdir(d->run);
    give_up(d);
}

static void record_crash(const struct guest_dir *d)
{
    OWN(json_t) j = NULL;
    const char *state;
    if (guest_dir_load(d, &j, NULL) < 0 || json_opt_string(j, "state", "", &state, NULL) < 0 ||
        strcmp(state, "running") != 0)
        return;
    const char *kind;
    if (json_opt_string(j, "kind", "", &kind, NULL) == 0 &&
        strcmp(kind, guest_kind_name(GUEST_CONTAINER)) == 0)
        container_sweep(d);
    OWN(json_t)
    fields = json_pack("{s:s, s:{s:s, s:s, s:o, s:i}}", "state", "crashed", "last", "kind", "crashed", "why",
                       "its monitor died", "ended", guest_time(), "status", 125);
    guest_dir_record(d, fields, NULL);
}

int guest_dir_lock(struct guest_dir *d, struct err *e)
{
    int rc = lock(d, e);
    if (rc < 0)
        return rc;
    if (!is_there(d)) {
        dir_remove(d->dir, NULL);
        guest_dir_unlock(d);
        return err_set(e, -ENOENT, "no guest is called %s", d->name);
    }
    record_crash(d);
    return 0;
}

/* ---- making and removing ---- */

/* 32 * 32 names; the folder tells which are taken. */
static char *made_up_name(void)
{
    static const char first[][8] = {"amber", "bold",  "brisk", "calm",  "clear", "cosy", "deft",  "eager",
                                    "early", "fair",  "fond",  "free",  "fresh", "glad", "grand", "green",
                                    "keen",  "kind",  "light", "lucky", "merry", "mild", "neat",  "noble",
                                    "proud", "quick", "quiet", "rapid", "sharp", "snug", "sunny", "warm"};
    static const char second[][8] = {"alder", "badger", "beech", "birch", "crane", "cedar", "dove",   "eagle",
                                     "elm",   "falcon", "finch", "fox",   "hare",  "hazel", "heron",  "ibis",
                                     "ivy",   "jay",    "larch", "lark",  "lynx",  "maple", "marten", "oak",
                                     "otter", "owl",    "pine",  "raven", "robin", "swan",  "tern",   "wren"};
    uint16_t r = 0;
    if (getrandom(&r, sizeof(r), 0) < 0)
        r = (uint16_t)time(NULL);
    return path_make("%s-%s", first[r % 32], second[r / 32 % 32]);
}

static int make(struct guest_dir *d, const struct guest_config *c, bool quickly, struct err *e)
{
    int rc = is_there(d) ? -EBUSY : lock(d, e);
    if (rc == -EBUSY || (rc == 0 && is_there(d)))
        return err_set(e, -EEXIST, "name taken: there is a guest called %s", d->name);
    if (rc < 0)
        return rc;
    if ((rc = dir_remove(d->dir, e)) < 0 || (rc = dir_make(d->dir, 0700, e)) < 0)
        return rc;
    OWN(json_t) j = guest_json(c);
    if (!j || json_object_set_new(j, "name", json_string(d->name)) < 0 ||
        json_object_set_new(j, "state", json_string("created")) < 0 ||
        json_object_set_new(j, "created", guest_time()) < 0)
        return err_code(e, -ENOMEM, "guest %s", d->name);
    OWN_MEM char *about = quickly ? guest_dir_file(d, "guest.json") : NULL;
    return about ? store_quickly(about, j, e) : store(d, j, e);
}

static int create(const char *name, const struct guest_config *c, bool quickly, struct guest_dir **ret,
                  struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc = guest_dir_at(name, &d, e);
    if (rc < 0)
        return rc;
    rc = make(d, c, quickly, e);
    if (rc < 0) {
        if (d->lock >= 0 && rc != -EEXIST)
            dir_remove(d->dir, NULL);
        guest_dir_unlock(d);
        return rc;
    }
    *ret = take(d);
    return 0;
}

static int create_any(const struct guest_config *c, bool quickly, struct guest_dir **ret, struct err *e)
{
    if (c->name)
        return create(c->name, c, quickly, ret, e);
    int rc = -EEXIST;
    for (int i = 0; i < 200 && rc == -EEXIST; i++) {
        OWN_MEM char *name = made_up_name();
        rc = name ? create(name, c, quickly, ret, e) : err_code(e, -ENOMEM, "name");
    }
    return rc;
}

int guest_dir_create(const struct guest_config *c, struct guest_dir **ret, struct err *e)
{
    return create_any(c, false, ret, e);
}

int guest_dir_create_quickly(const struct guest_config *c, struct guest_dir **ret, struct err *e)
{
    return create_any(c, true, ret, e);
}

void guest_dir_forget(const struct guest_dir *d)
{
    OWN_MEM char *about = guest_dir_file(d, "guest.json"), *pid = guest_dir_run_file(d, "pid");
    if (!about || !pid || !holds(d))
        return;
    unlink(pid); /* whoever wants its name waits for the lock from here on */
    unlink(about);
}

/* What containers of an ordinary user wrote may belong to others of theirs. */
static int remove_all(const char *path, struct err *e)
{
    int rc = dir_remove(path, e);
    return (rc == -EACCES || rc == -EPERM) && geteuid() != 0 ? container_ids_remove(path, e) : rc;
}

int guest_dir_remove(struct guest_dir *d, struct err *e)
{
    OWN_MEM char *about = guest_dir_file(d, "guest.json");
    if (!about)
        return err_code(e, -ENOMEM, "guest %s", d->name);
    if (!holds(d)) {
        give_up(d);
        return 0; /* a fork of ours did it */
    }
    int rc = dir_remove(about, e); /* first: half of a guest is none */
    if (rc == 0)
        rc = remove_all(d->dir, e);
    guest_dir_unlock(d);
    return rc;
}

/* ---- list ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool listed(const char *name)
{
    OWN(guest_dir) d = NULL;
    if (guest_dir_at(name, &d, NULL) < 0)
        return false;
    if (is_there(d))
        return true;
    if (guest_dir_lock(d, NULL) == 0) /* removes what was never finished */
        guest_dir_unlock(d);
    return false;
}

static json_t *sorted(char **names, size_t nr)
{
    json_t *a = json_array();
    if (nr)
        qsort(names, nr, sizeof(*names), by_name);
    for (size_t i = 0; i < nr; i++) {
        json_array_append_new(a, json_string(names[i]));
        free(names[i]);
    }
    return a;
}

int guest_dir_names(json_t **ret, struct err *e)
{
    OWN_MEM char *guests = guests_folder();
    DIR *dir = guests ? opendir(guests) : NULL;
    if (!dir && guests && errno != ENOENT)
        return err_sys(e, "%s", guests);
    OWN_MEM char **names = NULL;
    size_t nr = 0;
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || !listed(entry->d_name))
            continue;
        char **more = realloc(names, (nr + 1) * sizeof(*names));
        if (!more)
            break;
        names = more;
        names[nr++] = strdup(entry->d_name);
    }
    if (dir)
        closedir(dir);
    *ret = sorted(names, nr);
    return 0;
}

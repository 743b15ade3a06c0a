// SPDX-License-Identifier: GPL-2.0-or-later
/* state: see state.h. */
#include "container/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utc.h"

static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};

const char *status_name(enum status s)
{
    return names[s];
}

void state_fini(struct state *s)
{
    json_decref(s->json);
    s->json = NULL;
}

int state_check_id(const char *id, struct err *e)
{
    static const char *const good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t len = strlen(id);
    if (len == 0 || len > 200 || id[0] == '.' || strspn(id, good) != len)
        return err_set(e, -EINVAL, "\"%.200s\" is no container ID: letters, digits and _+-. only", id);
    return 0;
}

/* Root of a user namespace that is not the host's: what an engine without privileges seems to be. */
static bool in_user_namespace(void)
{
    unsigned inside = 0, outside = 0, count = 0;
    OWN_FILE f = fopen("/proc/self/uid_map", "re");
    return f && !(fscanf(f, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
                  count == UINT32_MAX);
}

/* Engines tell some of their calls no more than XDG_RUNTIME_DIR. Whoever is root by name (in a system
 * container) stays it, whether logged in or started by a daemon. */
static bool is_root(void)
{
    const char *user = getenv("USER");
    return geteuid() == 0 && (!in_user_namespace() || (user && strcmp(user, "root") == 0));
}

char *state_root(const char *root)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    if (root)
        return strdup(root);
    if (run && *run && !is_root())
        return path_make("%s/hospes-oci", run);
    return geteuid() == 0 ? strdup("/run/hospes-oci") : path_make("/tmp/hospes-oci-%u", geteuid());
}

char *state_file(const char *root, const char *id, const char *name)
{
    return path_make("%s/%s/%s", root, id, name);
}

/* ---- the folder ---- */

static int open_dir(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? err_sys(e, "%s", path) : fd;
}

/* Others must not be able to put states of their own there. */
static int check_root(const char *root, struct err *e)
{
    struct stat st;
    if (stat(root, &st) < 0)
        return err_sys(e, "%s", root);
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
        return err_set(e, -EPERM, "%s: belongs to somebody else, or others may write to it", root);
    return 0;
}

int state_make(const char *root, const char *id, struct err *e)
{
    OWN_MEM char *path = path_make("%s/%s", root, id);
    int rc = state_check_id(id, e);
    if (rc < 0)
        return rc;
    rc = mkdir(path, 0711) < 0 ? -errno : 0;
    if (rc == -ENOENT) {
        rc = dir_make(root, 0700, e);
        if (rc < 0)
            return rc;
        rc = mkdir(path, 0711) < 0 ? -errno : 0;
    }
    return rc < 0 ? err_code(e, rc, "%s", path) : open_dir(path, e);
}

int state_remove(const char *root, const char *id, struct err *e)
{
    OWN_MEM char *path = path_make("%s/%s", root, id);
    static const char *const files[] = {"state.json", "config.json", "start", "start.new"};
    OWN_FD dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    for (unsigned i = 0; dir >= 0 && i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlinkat(dir, files[i], 0);
    return rmdir(path) == 0 || errno == ENOENT ? 0 : dir_remove(path, e);
}

/* ---- the file ---- */

uint64_t process_start_ticks(pid_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 0;
    text[n] = 0;
    char *at = strrchr(text, ')'); /* behind the name, which may hold anything */
    if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
        return 0;
    for (unsigned field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static int put_file(int dir, const char *name, const char *text, size_t len)
{
    OWN_FD fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : file_write_all(fd, text, len);
}

/* Our own standard streams, which are the container's: "pipe:[123]", or a path. */
static json_t *streams(void)
{
    json_t *list = json_array();
    for (int i = 0; i < 3; i++) {
        char path[24], text[256];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = 0;
        json_t *j = json_string(text);
        json_array_append_new(list, j ? j : json_string("")); /* a path that is no UTF-8 */
    }
    return list;
}

int state_write(int dir, struct state *s, struct err *e)
{
    char created[UTC_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    utc_text(now, true, created);
    s->pid_start = process_start_ticks(s->pid);
    s->uid = geteuid();
    OWN(json_t)
    j = json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:b, s:b, s:i}", "ociVersion", s->oci_version,
                  "id", s->id, "pid", s->pid, "pidStart", (json_int_t)s->pid_start, "bundle", s->bundle,
                  "rootfs", s->rootfs, "cgroup", s->cgroup_path, "created", created, "poststart",
                  s->has_poststart, "poststop", s->has_poststop, "uid", s->uid);
    if (j)
        json_object_set_new(j, "stdio", streams());
    if (j && s->rdt.class) {
        json_object_set_new(j, "rdtClass", json_string(s->rdt.class));
        json_object_set_new(j, "rdtMade", json_boolean(s->rdt.made));
        if (s->rdt.monitor)
            json_object_set_new(j, "rdtMonitor", json_string(s->rdt.monitor));
    }
    if (j && s->restored)
        json_object_set_new(j, "restored", json_true());
    if (j && s->machine)
        json_object_set_new(j, "machine", json_true());
    if (j && s->scope)
        json_object_set_new(j, "scope", json_string(s->scope));
    if (j && s->annotations)
        json_object_set(j, "annotations", s->annotations);
    OWN_MEM char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(e, -EINVAL, "the state cannot be written: a path of it is no UTF-8");
    int rc = put_file(dir, "state.new", text, strlen(text));
    if (rc == 0 && renameat(dir, "state.new", dir, "state.json") < 0)
        rc = -errno;
    return rc < 0 ? err_code(e, rc, "write the state") : 0;
}

static int parse(struct state *s, struct err *e)
{
    struct doc d = {.name = "state.json", .e = e};
    struct field f = field_root(&d, s->json), notes = field_object(&f, "annotations");
    s->oci_version = field_must_string(&f, "ociVersion");
    s->id = field_must_string(&f, "id");
    s->pid = (pid_t)field_must_int(&f, "pid", 0, INT32_MAX);
    s->pid_start = (uint64_t)field_must_int(&f, "pidStart", 0, INT64_MAX);
    s->bundle = field_must_string(&f, "bundle");
    s->rootfs = field_must_string(&f, "rootfs");
    s->cgroup_path = field_string(&f, "cgroup");
    s->created = field_must_string(&f, "created");
    s->scope = field_string(&f, "scope");
    s->has_poststart = field_bool(&f, "poststart", false);
    s->has_poststop = field_bool(&f, "poststop", false);
    s->machine = field_bool(&f, "machine", false);
    s->uid = (unsigned)field_int(&f, "uid", 0, 0, UINT32_MAX);
    s->rdt = (struct rdt_group){.class = field_string(&f, "rdtClass"),
                                .monitor = field_string(&f, "rdtMonitor"),
                                .made = field_bool(&f, "rdtMade", false)};
    s->restored = field_bool(&f, "restored", false);
    s->annotations = notes.v;
    struct field list = field_array(&f, "stdio");
    for (unsigned i = 0; i < 3 && i < field_count(&list); i++) {
        struct field item = field_item(&list, i);
        s->stdio[i] = field_text(&item);
    }
    return d.rc;
}

int state_read(const char *root, const char *id, struct state *ret, int *ret_dir, struct err *e)
{
    struct state s = {0};
    int rc = state_check_id(id, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *path = path_make("%s/%s", root, id), *file = state_file(root, id, "state.json");
    if (access(path, F_OK) < 0)
        return err_set(e, -ENOENT, "container %s does not exist", id);
    rc = check_root(root, e);
    if (rc < 0)
        return rc;
    OWN_FD dir = open_dir(path, e);
    if (dir < 0)
        return dir;
    rc = json_load(file, &s.json, e);
    if (rc == -ENOENT)
        return err_set(e, -EBUSY, "container %s is being created, or was given up half made", id);
    if (rc == 0)
        rc = parse(&s, e);
    if (rc < 0) {
        state_fini(&s);
        return rc;
    }
    *ret = s;
    if (ret_dir)
        *ret_dir = take_fd(&dir);
    return 0;
}

/* ---- status ---- */

bool state_alive(const struct state *s)
{
    return s->pid > 0 && s->pid_start && process_start_ticks(s->pid) == s->pid_start;
}

static bool has(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

enum status state_status(const struct state *s, int dir, const struct cgroup *g)
{
    if (!state_alive(s))
        return STATUS_STOPPED;
    if (g && cgroup_frozen(g)) /* one that waits for `start` may be paused too */
        return STATUS_PAUSED;
    if (has(dir, "start.new"))
        return STATUS_CREATING;
    return has(dir, "start") ? STATUS_CREATED : STATUS_RUNNING;
}

json_t *state_public(const struct state *s, enum status status)
{
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:i, s:s}", "ociVersion", "1.2.0", "id", s->id, "status",
                  status_name(status), "pid", status == STATUS_STOPPED ? 0 : s->pid, "bundle", s->bundle);
    if (j && s->annotations && json_object_size(s->annotations))
        json_object_set(j, "annotations", s->annotations);
    return j;
}

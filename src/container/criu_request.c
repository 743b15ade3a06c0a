// SPDX-License-Identifier: GPL-2.0-or-later
/* criu_request: see criu_request.h. Source: CRIU, images/rpc.proto; Podman, podman-container-checkpoint(1).
 */
#include "container/criu_request.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/opt.h"
#include "base/own.h"
#include "container/wire.h"

/* Options of the administrator, which go before ours; the annotation names another file, or none. */
#define CONFIG_FILE       "/etc/criu/runc.conf"
#define CONFIG_ANNOTATION "org.criu.config"
#define LOG_LEVEL         4

void criu_dirs_fini(struct criu_dirs *d)
{
    own_fd(&d->images);
    own_fd(&d->work);
}

static int open_dir(const char *path, bool make, struct err *e)
{
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "make %s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "%s", path) : fd;
}

int criu_dirs_open(const struct criu_options *o, bool writing, struct criu_dirs *ret, struct err *e)
{
    OWN_CRIU_DIRS d = {.images = -1, .work = -1, .log = o->work_path ? o->work_path : o->image_path};
    d.images = open_dir(o->image_path, writing, e);
    if (d.images < 0)
        return err_wrap(e, "--image-path");
    if (o->work_path && (d.work = open_dir(o->work_path, true, e)) < 0)
        return err_wrap(e, "--work-path");
    *ret = d;
    d.images = d.work = -1;
    return 0;
}

/* The number of one of the names, or -EINVAL; -1: none is given. */
static int choice(const char *option, const char *text, const char *const *names, struct err *e)
{
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return text ? err_set(e, -EINVAL, "%s: \"%.40s\" is none of its values", option, text) : -1;
}

static int cgroup_mode(const struct criu_options *o, struct buf *opts, struct err *e)
{
    static const char *const names[] = {"ignore", "cg-none", "props", "soft", "full", "strict", NULL};
    int mode = choice("--manage-cgroups-mode", o->manage_cgroups ? o->manage_cgroups : "soft", names, e);
    if (mode < 0)
        return mode;
    wire_number(opts, CRIU_MANAGE_CGROUPS, 1);
    wire_number(opts, CRIU_MANAGE_CGROUPS_MODE, mode);
    return 0;
}

static int network_lock(const struct criu_options *o, struct buf *opts, struct err *e)
{
    static const char *const names[] = {"", "iptables", "nftables", "skip", NULL};
    int how = choice("--network-lock", o->network_lock, names, e);
    if (how < -1)
        return how;
    if (how > 0)
        wire_number(opts, CRIU_NETWORK_LOCK, how);
    return 0;
}

static int page_server(const struct criu_options *o, struct buf *opts, struct err *e)
{
    char address[64];
    unsigned port;
    OWN_BUF b = {0};
    if (!o->page_server)
        return 0;
    const char *colon = strrchr(o->page_server, ':');
    if (!colon || colon - o->page_server >= (int)sizeof(address) || opt_number(colon + 1, &port, NULL) < 0 ||
        port > 65535)
        return err_set(e, -EINVAL, "--page-server: \"%.80s\" is not ADDRESS:PORT", o->page_server);
    snprintf(address, sizeof(address), "%.*s", (int)(colon - o->page_server), o->page_server);
    wire_text(&b, 1, address);
    wire_number(&b, 2, port);
    wire_part(opts, CRIU_PAGE_SERVER, &b);
    return 0;
}

static void flags(const struct criu_options *o, struct buf *opts)
{
    const struct {
        enum criu_opt field;
        bool on;
    } table[] = {
        {CRIU_LEAVE_RUNNING, o->leave_running},
        {CRIU_EXT_UNIX_SK, o->ext_unix_sk},
        {CRIU_TCP_ESTABLISHED, o->tcp_established},
        {CRIU_SHELL_JOB, o->shell_job},
        {CRIU_FILE_LOCKS, o->file_locks},
        {CRIU_AUTO_DEDUP, o->auto_dedup},
        {CRIU_LINK_REMAP, o->link_remap},
        {CRIU_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight},
        {CRIU_LAZY_PAGES, o->lazy_pages},
        {CRIU_TCP_CLOSE, o->tcp_close},
        {CRIU_ORPHAN_PTS_MASTER, true},
        {CRIU_NOTIFY_SCRIPTS, true},
    };
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].on)
            wire_number(opts, table[i].field, 1);
}

static void config_file(const struct config *c, struct buf *opts)
{
    const json_t *named = c->annotations ? json_object_get(c->annotations, CONFIG_ANNOTATION) : NULL;
    const char *path = named ? json_string_value(named) : CONFIG_FILE;
    if (path && *path)
        wire_text(opts, CRIU_CONFIG_FILE, path);
}

int criu_request(const struct criu_options *o, const struct criu_dirs *d, const struct config *c,
                 const char *log, struct buf *opts, struct err *e)
{
    wire_number(opts, CRIU_IMAGES_DIR_FD, d->images);
    if (d->work >= 0)
        wire_number(opts, CRIU_WORK_DIR_FD, d->work);
    wire_number(opts, CRIU_LOG_LEVEL, LOG_LEVEL);
    wire_text(opts, CRIU_LOG_FILE, log);
    wire_text(opts, CRIU_PARENT_IMG, o->parent_path);
    if (o->parent_path || o->pre_dump)
        wire_number(opts, CRIU_TRACK_MEM, 1);
    if (o->empty_ns)
        wire_number(opts, CRIU_EMPTY_NS, o->empty_ns);
    wire_text(opts, CRIU_LSM_PROFILE, o->lsm_profile);
    wire_text(opts, CRIU_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
    flags(o, opts);
    config_file(c, opts);
    int rc = cgroup_mode(o, opts, e);
    if (rc == 0)
        rc = network_lock(o, opts, e);
    return rc < 0 ? rc : page_server(o, opts, e);
}

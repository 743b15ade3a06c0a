// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state: what the runtime remembers of a container: a folder ROOT/ID with
 *
 *     state.json    this struct          config.json   the bundle's, as it was at create
 *     start         a socket on which the container's first process waits; gone once it was told to start,
 *                   and called start.new until it may be told so
 *
 *     machine       a machine's: its monitor's control socket; out/: files that it and its guest exchange
 *
 * Its status is never stored: it follows from the process, the socket and the freezer. Who makes or removes a
 * container holds a lock on its folder meanwhile (state_lock.h).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/json.h"
#include "container/cgroup.h"
#include "container/rdt.h"

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
const char *status_name(enum status s);

struct state {
    json_t *json; /* owns the strings */
    const char *id, *bundle, *rootfs, *oci_version, *cgroup_path, *created,
        *scope; /* scope: systemd's, or NULL */
    pid_t pid;
    uint64_t pid_start; /* clock ticks after boot: tells a process from a later one with its number */
    json_t *annotations;
    bool has_poststart, has_poststop;
    bool machine;         /* pid is the monitor of a machine around the container */
    bool restored;        /* criu puts what it restores into a time namespace */
    unsigned uid;         /* who made it */
    struct rdt_group rdt; /* its strings are borrowed */
    const char *stdio[3]; /* what its standard streams were at first: "pipe:[123]"; may be NULL */
};
void state_fini(struct state *s);
#define OWN_STATE __attribute__((cleanup(state_fini))) struct state

/* An id may consist of letters, digits and _+-. and neither start with a dot nor be long. */
int state_check_id(const char *id, struct err *e);

/* The folder of all containers: dflt chosen by who we are if root is NULL; malloc'd. */
char *state_root(const char *root);

/* Make ROOT/ID. -EEXIST: the name is taken. Returns the folder's descriptor. */
int state_make(const char *root, const char *id, struct err *e);
/* pid_start, created, uid and stdio (the caller's own streams) are filled in. */
int state_write(int dir, struct state *s, struct err *e);
/* -ENOENT: no such container. ret_dir: the folder's descriptor, NULL allowed. */
int state_read(const char *root, const char *id, struct state *ret, int *ret_dir, struct err *e);
int state_remove(const char *root, const char *id, struct err *e);
char *state_file(const char *root, const char *id, const char *name); /* a path, malloc'd */

bool state_alive(const struct state *s);
/* g may be NULL if "paused" does not matter. */
enum status state_status(const struct state *s, int dir, const struct cgroup *g);

/* The JSON that hooks and `state` give: ociVersion, id, status, pid, bundle, annotations. New reference. */
json_t *state_public(const struct state *s, enum status status);

uint64_t process_start_ticks(pid_t pid); /* 0: no such process, or it has ended */

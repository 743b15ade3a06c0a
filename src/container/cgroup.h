// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup: one container's folders in the host's hierarchies, as those are: v1, v2, or v1 with a v2 beside
 * them (hybrid).
 *
 * A struct cgroup only says where the folders are; those live until cgroup_remove. Source: kernel
 * documentation, admin-guide/cgroup-v1 and cgroup-v2.rst; OCI runtime-spec 1.2, config-linux.md.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "container/config.h"

#define CGROUP_DIRS 16

struct cgroup_dir {
    bool v2;
    bool there;    /* this container has a folder here */
    bool enable;   /* v2: give its controllers to the folders below */
    char name[64]; /* "cpu,cpuacct" or "name=systemd"; v2: its controllers, once it is there */
    char top[64];  /* where the hierarchy is mounted */
    char path[256];
};

struct cgroup {
    bool pure_v2;
    bool scope;  /* of systemd: it is there before, with a process that holds it */
    unsigned nr; /* v2, if any, is last */
    struct cgroup_dir dir[CGROUP_DIRS];
    char path[192]; /* below each top, "/..." */
};

/* Where the container's cgroup is: linux.cgroupsPath or, without one, a name made of its id. */
int cgroup_find(const char *path, const char *id, struct cgroup *ret, struct err *e);
/*
 * Make the folders. One that is there already is taken if no process is in it: all that is in there later
 * counts as the container's, and ends with it. -EBUSY: somebody else's. needed: fail if one cannot be made
 * (else an ordinary user's container goes without). Without all: just the v1 hierarchies that the resources
 * need, which is what a container gets whose configuration names no path.
 */
int cgroup_make(struct cgroup *g, const struct resources *r, bool all, bool needed, struct err *e);
/* Make those that were left out and are needed now, and move the container's processes there. */
int cgroup_complete(struct cgroup *g, const struct resources *r, struct err *e);
/* For a container that is there: look which folders it has. */
void cgroup_look(struct cgroup *g);

/*
 * Mean one that is there below it: "PATH" in each hierarchy that has it, or "CONTROLLER[,...]:PATH" in those.
 * -ENOENT: none has it; -EINVAL: a path that leads out, or no such controller.
 */
int cgroup_below(struct cgroup *g, const char *which, struct err *e);

/* "/a//b/./c" as "/a/b/c". -EINVAL: a part is "..", or none is left; -ENAMETOOLONG. */
int cgroup_normalize(const char *path, char *ret, size_t size);

/* Limits. fresh: the device rules of a new container too. */
int cgroup_apply(const struct cgroup *g, const struct resources *r, bool fresh, struct err *e);

/*
 * Join: v1 is entered by the process itself, writing "0" to `tasks`: moving oneself is the one case in which
 * the kernel takes no system-wide lock (which costs up to 9 ms). v2 by clone3's CLONE_INTO_CGROUP.
 */
struct cgroup_entry {
    int tasks[CGROUP_DIRS]; /* descriptors, -1: none */
    int v2;                 /* the v2 folder, -1: none */
};
int cgroup_entry_open(const struct cgroup *g, struct cgroup_entry *ret, struct err *e);
int cgroup_entry_join(const struct cgroup_entry *n, struct err *e);
void cgroup_entry_close(struct cgroup_entry *n);

/* All processes, those of cgroups below too; malloc'd. */
int cgroup_pids(const struct cgroup *g, pid_t **ret, unsigned *ret_nr, struct err *e);
/* The same with threads, counted. -errno. */
int cgroup_count_tasks(const struct cgroup *g);
int cgroup_freeze(const struct cgroup *g, bool frozen, struct err *e); /* waits until it is so */
bool cgroup_frozen(const struct cgroup *g);
const struct cgroup_dir *
cgroup_freezer(const struct cgroup *g); /* the folder by which that is done, or NULL */
int cgroup_signal(const struct cgroup *g, int sig, struct err *e);
/* With those below. kill: processes that are still in it are killed. -EBUSY: there are some, or they do not
 * end. */
int cgroup_remove(const struct cgroup *g, bool kill, struct err *e);
/* Has it, or one below it, processes? */
bool cgroup_dir_busy(const struct cgroup_dir *d);

/* The folder that has a controller, or NULL. */
const struct cgroup_dir *cgroup_with(const struct cgroup *g, const char *controller);
/* Write text to a file of a folder. */
int cgroup_write(const struct cgroup_dir *d, const char *file, const char *text, struct err *e);
/* The first line (or all) of a file; false: not there. */
bool cgroup_read(const struct cgroup_dir *d, const char *file, char *ret, size_t size);

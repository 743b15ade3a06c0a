// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_dir: where a guest lives: its folder below data/guests, its run folder, its lock, its record.
 *
 *     data/guests/NAME/guest.json   configuration (guest.h) and record: "state" created running stopped
 * broken crashed, "created", "started", "last" {"kind","why","ended","status"} data/guests/NAME/{disk,
 * serial.log, monitor.log} run/NAME/{lock, pid, control, a container's config.json and files of /etc}  while
 * a monitor lives, or until the one that died is tidied up after
 *
 * The lock is held by the monitor for its whole life. Who holds it may change what is in either folder. A
 * folder without guest.json whose lock is free was never finished; who finds it removes it.
 */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "base/own.h"
#include "monitor/guest.h"

struct guest_dir {
    char *name;
    char *dir; /* data/guests/NAME */
    char *run; /* run/NAME */
    int lock;  /* -1: not held */
};
void guest_dir_free(struct guest_dir *d); /* gives the lock up; removes nothing */
OWN_TYPE(guest_dir, guest_dir_free)

/* Paths only: it need not be there. -EINVAL: not a name. */
int guest_dir_at(const char *name, struct guest_dir **ret, struct err *e);
/* One that is there, not locked. -ENOENT. */
int guest_dir_open(const char *name, struct guest_dir **ret, struct err *e);

/* Make one, locked. c->name NULL: a name is made up. -EEXIST: name taken. Its guest.json is written:
 * "created". */
int guest_dir_create(const struct guest_config *c, struct guest_dir **ret, struct err *e);

/* The same, but its record is not synced: whoever makes it records more before anybody is told. */
int guest_dir_create_quickly(const struct guest_config *c, struct guest_dir **ret, struct err *e);

/*
 * Take the lock; what a monitor that died left in the run folder goes, and a guest that ran under it is
 * recorded as crashed. -EBUSY: its monitor lives; -ENOENT: the guest is gone.
 */
int guest_dir_lock(struct guest_dir *d, struct err *e);
/* Remove the run folder and give the lock up. */
void guest_dir_unlock(struct guest_dir *d);
bool guest_dir_alive(const struct guest_dir *d); /* somebody holds the lock */

/* From here on there is no such guest; what it leaves goes with guest_dir_remove. The lock is held. */
void guest_dir_forget(const struct guest_dir *d);
/* Remove the guest and all of it; the lock is held and given up. */
int guest_dir_remove(struct guest_dir *d, struct err *e);

/* guest.json as a whole; *ret needs json_decref. */
int guest_dir_load(const struct guest_dir *d, json_t **ret, struct err *e);
/* Set some of its fields (borrowed). The lock is held. */
int guest_dir_record(const struct guest_dir *d, json_t *fields, struct err *e);

char *guest_dir_file(const struct guest_dir *d, const char *name); /* in dir; malloc'd, NULL: out of memory */
char *guest_dir_run_file(const struct guest_dir *d, const char *name);

/* Names of all guests that are there, sorted, as an array of strings (new reference). */
int guest_dir_names(json_t **ret, struct err *e);

json_t *guest_time(void); /* now, as the record has it */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client: what others ask of guests: by their monitor's control socket if it lives, from their folder if not.
 *
 * A monitor that was killed is found by each of these calls and tidied up after: its guest is "crashed" then.
 * States in words: created running paused stopping stopped broken crashed.
 * Errors common to all: -ENOENT no guest called so; -ESRCH it does not run (where it must); -EBUSY not in
 * this state; -EPIPE its monitor went away in between.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * One request, one reply (new reference). The request is borrowed: {"do": WORD, ...}. A reply with "error"
 * comes back as that error.
 */
int client_call(const char *name, json_t *request, json_t **ret_reply, struct err *e);

/* All guests in order of name, an array of objects; all = false: only those that have a monitor. Each:
 * {"name","kind","state","image","kernel","cpus","memory","disk","engine","net","address","ports":["0.0.0.0:8080->80/tcp"],"pid",
 *  "created","started","ended","why","status","origin":{"kind":"fork","guest"}};
 * what does not apply is null. Times: UTC,
 * 2025-01-31T12:00:00Z. */
int client_list(bool all, json_t **ret, struct err *e);

/* The same object with "config" (as in guest.json), "last" (how it ended last) and, from a monitor, "agent":
 * bool, "init": the number of a container's first process, "stats": {...}. */
int client_inspect(const char *name, json_t **ret, struct err *e);

/* Those of client_list that have a monitor, each with "stats" (docs/slow-guest.md; null: it did not answer).
 */
int client_list_stats(json_t **ret, struct err *e);
/* One of these, with its resident memory, which takes a look at all of it. -ESRCH: it does not run. */
int client_stats(const char *name, json_t **ret, struct err *e);

/*
 * New running guests from a running or paused machine: new, or new-1, new-2, ... (NULL: made-up names). *ret
 * (new reference): {"guests":[{"name","pid","first_ns"}],"pause_ns"}. -EEXIST: a name is taken; none is made
 * then.
 */
int client_fork(const char *name, const char *new, unsigned count, bool keep_identity, json_t **ret,
                struct err *e);

int client_start(const char *name, struct err *e);
/* A container, whose output is held back until client_attach. -EOPNOTSUPP: a machine. */
int client_start_attached(const char *name, struct err *e);
int client_pause(const char *name, struct err *e);
int client_resume(const char *name, struct err *e);
/* To the first process of a container. -EOPNOTSUPP: a machine. */
int client_signal(const char *name, int number, struct err *e);

/*
 * Shut it down in good order; returns when its monitor has ended. After timeout_ms the plug is pulled;
 * *ret_pulled (NULL allowed) tells. A broken or crashed guest becomes a stopped one; a stopped one is -ESRCH.
 */
#define CLIENT_OWN_TIMEOUT UINT64_MAX /* what the guest was made with, or GUEST_STOP_MS */
int client_stop(const char *name, uint64_t timeout_ms, bool *ret_pulled, struct err *e);
/* The same at the end of a foreground command: its exit status is what `wait` tells from then on. */
int client_finish(const char *name, int status, uint64_t timeout_ms, struct err *e);
/* Pull the plug; returns when its monitor has ended. Broken and crashed ones as with stop. */
int client_kill(const char *name, struct err *e);

/* -EBUSY: it runs, and force is false. force: its plug is pulled first. */
int client_remove(const char *name, bool force, struct err *e);

/* Until it has ended; at once if it does not run. *ret_status: the command's, 0 after power-off, else 125. */
int client_wait(const char *name, int *ret_status, struct err *e);

/*
 * Change a container, whether it runs or not: what guest_update.h says, in JSON (borrowed). -EOPNOTSUPP: a
 * machine.
 */
int client_update(const char *name, const json_t *changes, struct err *e);

/* A command in the guest. Waits until the agent is up; -ETIMEDOUT: it does not come up; or why the guest
 * ended. */
struct client_exec {
    const char *const *argv; /* NULL-ended; NULL: the user's shell */
    const char *const *env;  /* NAME=VALUE, NULL-ended, or NULL */
    const char *cwd, *user;  /* NULL: the image's */
    bool tty, input, detach; /* detach: nothing of it is heard again */
    uint16_t cols, rows;     /* tty */
    uint64_t wait_ms;        /* for the agent; 0: two minutes */
};
/*
 * *ret_fd speaks frames (base/frame.h): STDIN RESIZE SIGNAL go in; STDOUT STDERR come out, EXIT at last. With
 * detach *ret_fd is -1. SIGINT ends the wait for the agent: -EINTR.
 */
int client_exec(const char *name, const struct client_exec *x, int *ret_fd, struct err *e);

/* The serial port: what the guest wrote lately, then on. *ret_fd: STDIN in, STDOUT out; ends with the guest.
 */
int client_console(const char *name, int *ret_fd, struct err *e);

/* The streams of a container's command, once; frames as with client_exec. -EBUSY: somebody else has them. */
int client_attach(const char *name, int *ret_fd, struct err *e);
/* A container stands still until *ret_fd is closed. -EOPNOTSUPP: a machine, or it has no cgroup. */
int client_hold(const char *name, int *ret_fd, struct err *e);
/* Until its monitor has ended and tidied up. */
void client_wait_gone(const char *name);

/* The file with all that the guest wrote to its serial port (monitor = true: that the monitor had to tell);
 * malloc'd. It is there even when the guest never ran (empty). */
int client_log(const char *name, bool monitor, char **ret_path, struct err *e);

// SPDX-License-Identifier: GPL-2.0-or-later
/* client: see client.h. What a guest is, in JSON: client_list.c. */
#include "monitor/client.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/file.h"
#include "base/json_strings.h"
#include "base/loop.h"
#include "base/proc.h"
#include "monitor/call.h"
#include "monitor/client_impl.h"
#include "monitor/spawn.h"

#define ANSWER_MS 20000 /* for what is done at once */
#define END_MS    60000 /* for a monitor to write its disk and go */

/* ---- finding ---- */

/* What a dead monitor left is tidied up. */
static void settle(struct guest_dir *d)
{
    OWN(json_t) about = NULL;
    const char *state;
    if (guest_dir_load(d, &about, NULL) < 0 || json_opt_string(about, "state", "", &state, NULL) < 0)
        return;
    if ((strcmp(state, "running") == 0 || access(d->run, F_OK) == 0) && guest_dir_lock(d, NULL) == 0)
        guest_dir_unlock(d);
}

int client_find(const char *name, struct guest_dir **ret, bool *ret_alive, struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc = guest_dir_open(name, &d, e);
    if (rc < 0)
        return rc;
    *ret_alive = guest_dir_alive(d);
    if (!*ret_alive)
        settle(d);
    *ret = take(d);
    return 0;
}

/* A monitor that just starts has no socket yet; one that just ends has none any more. */
static int connect_to(const char *name, struct guest_dir **ret, int *ret_fd, struct err *e)
{
    OWN(guest_dir) d = NULL;
    bool alive;
    int rc = client_find(name, &d, &alive, e);
    if (rc < 0)
        return rc;
    rc = -ESRCH;
    for (int i = 0; i < 300 && alive && rc == -ESRCH; i++) {
        rc = call_open(d, ret_fd, e);
        if (rc == -ESRCH) {
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            alive = guest_dir_alive(d);
        }
    }
    *ret = take(d);
    return rc == -ESRCH ? err_set(e, rc, "guest %s is not running", name) : rc;
}

/* ---- calls ---- */

static int call(const char *name, json_t *request, int64_t timeout_ms, struct guest_dir **ret,
                json_t **ret_reply, struct err *e)
{
    OWN_FD fd = -1;
    int rc = connect_to(name, ret, &fd, e);
    if (rc < 0)
        return rc;
    rc = call_ask(fd, request, timeout_ms, timeout_ms == CALL_FOREVER, ret_reply, e);
    return rc < 0 ? err_wrap(e, "guest %s", name) : 0;
}

int client_call(const char *name, json_t *request, json_t **ret_reply, struct err *e)
{
    OWN(guest_dir) d = NULL;
    return call(name, request, ANSWER_MS, &d, ret_reply, e);
}

static int simple(const char *name, const char *word, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s}", "do", word);
    OWN(json_t) reply = NULL;
    return client_call(name, request, &reply, e);
}

int client_pause(const char *name, struct err *e)
{
    return simple(name, "pause", e);
}

int client_signal(const char *name, int number, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s, s:i}", "do", "signal", "number", number);
    OWN(json_t) reply = NULL;
    return client_call(name, request, &reply, e);
}

int client_resume(const char *name, struct err *e)
{
    return simple(name, "resume", e);
}

int client_start(const char *name, struct err *e)
{
    return monitor_start(name, false, e);
}

int client_start_attached(const char *name, struct err *e)
{
    return monitor_start(name, true, e);
}

/* ---- ends ---- */

/* Until its monitor is gone, disk written and all. */
static int wait_gone(const struct guest_dir *d, struct err *e)
{
    uint64_t deadline_ns = loop_now_ns() + END_MS * 1000000ull;
    while (guest_dir_alive(d)) {
        if (loop_now_ns() > deadline_ns)
            return err_set(e, -ETIMEDOUT, "guest %s has ended, but its monitor has not yet", d->name);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    settle((struct guest_dir *)(uintptr_t)d);
    return 0;
}

/* What is not alive: broken and crashed ones are laid to rest. d is NULL or the guest. */
static int lay_to_rest(const char *name, struct err *e)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) about = NULL;
    bool alive;
    const char *state;
    int rc;
    if ((rc = client_find(name, &d, &alive, e)) < 0 || (rc = guest_dir_load(d, &about, e)) < 0 ||
        (rc = json_opt_string(about, "state", "", &state, e)) < 0)
        return rc;
    if (strcmp(state, "broken") != 0 && strcmp(state, "crashed") != 0)
        return err_set(e, -ESRCH, "guest %s is not running", name);
    if ((rc = guest_dir_lock(d, e)) < 0)
        return rc;
    OWN(json_t) fields = json_pack("{s:s}", "state", "stopped");
    rc = guest_dir_record(d, fields, e);
    guest_dir_unlock(d);
    return rc;
}

/* Ask for the end and wait for it. A monitor that dies meanwhile is an end too. */
static int end(const char *name, json_t *request, uint64_t patience_ms, json_t **ret_reply, struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc = call(name, request, (int64_t)(patience_ms + ANSWER_MS), &d, ret_reply, e);
    if (rc == -ESRCH)
        return lay_to_rest(name, e);
    if (rc < 0 && rc != -EPIPE)
        return rc;
    return wait_gone(d, e);
}

static int stop(const char *name, json_t *request, uint64_t timeout_ms, bool *ret_pulled, struct err *e)
{
    OWN(json_t) reply = NULL;
    bool pulled = false;
    int rc = end(name, request, timeout_ms, &reply, e);
    if (rc == 0 && reply)
        json_opt_bool(reply, "pulled", false, &pulled, NULL);
    if (rc == 0 && ret_pulled)
        *ret_pulled = pulled;
    return rc;
}

/* What the guest was made with. */
static uint64_t own_timeout(const char *name)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) about = NULL;
    uint64_t ms = 0;
    if (guest_dir_open(name, &d, NULL) == 0 && guest_dir_load(d, &about, NULL) == 0)
        (void)json_opt_uint(json_object_get(about, "container"), "stop_timeout_ms", 0, 0, INT64_MAX, &ms,
                            NULL);
    return ms ? ms : GUEST_STOP_MS;
}

int client_stop(const char *name, uint64_t timeout_ms, bool *ret_pulled, struct err *e)
{
    if (timeout_ms == CLIENT_OWN_TIMEOUT)
        timeout_ms = own_timeout(name);
    OWN(json_t) request = json_pack("{s:s, s:I}", "do", "stop", "timeout_ms", (json_int_t)timeout_ms);
    return stop(name, request, timeout_ms, ret_pulled, e);
}

int client_finish(const char *name, int status, uint64_t timeout_ms, struct err *e)
{
    OWN(json_t)
    request = json_pack("{s:s, s:I, s:i}", "do", "stop", "timeout_ms", (json_int_t)timeout_ms, "status",
                        status & 0xff);
    return stop(name, request, timeout_ms, NULL, e);
}

int client_kill(const char *name, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s}", "do", "kill");
    return stop(name, request, 0, NULL, e);
}

int client_remove(const char *name, bool force, struct err *e)
{
    OWN(guest_dir) d = NULL;
    bool alive;
    int rc = client_find(name, &d, &alive, e);
    if (rc < 0)
        return rc;
    if (alive && !force)
        return err_set(e, -EBUSY, "guest %s is running: stop it first, or force it", name);
    if (alive && (rc = client_kill(name, e)) < 0 && rc != -ESRCH && rc != -ENOENT)
        return rc;
    rc = guest_dir_lock(d, e);
    if (rc == -ENOENT && alive)
        return 0; /* made with --rm: its monitor did it */
    return rc < 0 ? rc : guest_dir_remove(d, e);
}

static int recorded_status(const struct guest_dir *d, int *ret, struct err *e)
{
    OWN(json_t) about = NULL;
    uint64_t status = 0;
    int rc = guest_dir_load(d, &about, e);
    if (rc < 0)
        return rc;
    const json_t *last = json_object_get(about, "last");
    if (json_is_object(last) && (rc = json_opt_uint(last, "status", 0, 0, 255, &status, e)) < 0)
        return rc;
    *ret = (int)status;
    return 0;
}

int client_wait(const char *name, int *ret_status, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s}", "do", "wait");
    OWN(json_t) reply = NULL;
    OWN(guest_dir) d = NULL;
    uint64_t status = 0;
    int rc = call(name, request, CALL_FOREVER, &d, &reply, e);
    if (rc < 0 && rc != -ESRCH && rc != -EPIPE)
        return rc;
    int gone = d ? wait_gone(d, e) : 0;
    if (gone < 0)
        return gone;
    if (rc < 0)
        return recorded_status(d, ret_status, e);
    if ((rc = json_opt_uint(reply, "status", 0, 0, 255, &status, e)) < 0)
        return rc;
    *ret_status = (int)status;
    return 0;
}

/* ---- commands, console, logs ---- */

static json_t *exec_request(const struct client_exec *x, uint64_t wait_ms)
{
    return json_pack("{s:s, s:o, s:o, s:s?, s:s?, s:b, s:b, s:b, s:i, s:i, s:I}", "do", "exec", "argv",
                     strings_json(x->argv), "env", strings_json(x->env), "cwd", x->cwd, "user", x->user,
                     "tty", x->tty, "input", x->input, "detach", x->detach, "cols", x->cols, "rows", x->rows,
                     "wait_ms", (json_int_t)wait_ms);
}

static int exec_once(const char *name, const struct client_exec *x, uint64_t wait_ms, int *ret_fd,
                     struct err *e)
{
    OWN(json_t) request = exec_request(x, wait_ms);
    OWN(json_t) reply = NULL;
    OWN(guest_dir) d = NULL;
    OWN_FD fd = -1;
    if (!request)
        return err_set(e, -EINVAL, "the command is not UTF-8 text");
    int rc = connect_to(name, &d, &fd, e);
    if (rc < 0)
        return rc;
    rc = call_ask(fd, request, (int64_t)(wait_ms + ANSWER_MS), true, &reply, e);
    if (rc < 0)
        return err_wrap(e, "guest %s", name);
    *ret_fd = x->detach ? -1 : take_fd(&fd);
    return 0;
}

/* What stands still for a snapshot goes on in a moment. */
int client_exec(const char *name, const struct client_exec *x, int *ret_fd, struct err *e)
{
    uint64_t wait_ms = x->wait_ms ? x->wait_ms : 120000, deadline_ns = loop_now_ns() + wait_ms * 1000000;
    for (;;) {
        struct err trouble;
        int rc = exec_once(name, x, wait_ms, ret_fd, &trouble);
        if (rc == 0)
            return 0;
        if (rc != -EAGAIN || loop_now_ns() > deadline_ns || interrupt_pending())
            return err_set(e, rc, "%s", trouble.text);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

/* A word that leads to frames. */
static int join(const char *name, const char *word, int *ret_fd, struct err *e)
{
    OWN(json_t) request = json_pack("{s:s}", "do", word);
    OWN(json_t) reply = NULL;
    OWN(guest_dir) d = NULL;
    OWN_FD fd = -1;
    int rc = connect_to(name, &d, &fd, e);
    if (rc < 0)
        return rc;
    rc = call_ask(fd, request, ANSWER_MS, true, &reply, e);
    if (rc < 0)
        return err_wrap(e, "guest %s", name);
    *ret_fd = take_fd(&fd);
    return 0;
}

int client_console(const char *name, int *ret_fd, struct err *e)
{
    return join(name, "console", ret_fd, e);
}

int client_attach(const char *name, int *ret_fd, struct err *e)
{
    return join(name, "attach", ret_fd, e);
}

int client_hold(const char *name, int *ret_fd, struct err *e)
{
    return join(name, "hold", ret_fd, e);
}

/* The lock is the monitor's for its whole life; it goes with the lock's file. */
void client_wait_gone(const char *name)
{
    OWN(guest_dir) d = NULL;
    if (guest_dir_at(name, &d, NULL) < 0)
        return;
    OWN_MEM char *path = guest_dir_run_file(d, "lock");
    OWN_FD fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    while (fd >= 0 && flock(fd, LOCK_SH) < 0 && errno == EINTR && !interrupt_pending())
        ;
}

int client_log(const char *name, bool monitor, char **ret_path, struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc = guest_dir_open(name, &d, e);
    if (rc < 0)
        return rc;
    *ret_path = guest_dir_file(d, monitor ? "monitor.log" : "serial.log");
    return *ret_path ? 0 : err_code(e, -ENOMEM, "guest %s", name);
}

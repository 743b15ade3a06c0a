// SPDX-License-Identifier: GPL-2.0-or-later
/* container_exec: see container_exec.h. */
#include "monitor/container_exec.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/json_strings.h"
#include "container/container.h"
#include "monitor/bundle.h"

#define LIST_MAX  4096
#define NOT_RUN   126 /* exit status of what could not be started, as shells have it */
#define NOT_THERE 127

struct exec_item {
    struct exec_item *next;
    struct container_execs *all;
    struct streams *streams;
    pid_t pid;
};

struct job { /* while one is made */
    struct container_execs *all;
    const char **argv, **env;
    const char *cwd, *user;
    bool tty, input, detach;
    uint64_t cols, rows;
    struct bundle_user who;
    char *pid_file;
};

static void job_fini(struct job *j)
{
    free(j->argv);
    free(j->env);
    free(j->pid_file);
}
#define OWN_JOB __attribute__((cleanup(job_fini))) struct job

static int parse(json_t *r, struct job *j, struct err *e)
{
    int rc;
    if ((rc = strings_parse(r, "argv", LIST_MAX, &j->argv, e)) < 0 ||
        (rc = strings_parse(r, "env", LIST_MAX, &j->env, e)) < 0 ||
        (rc = json_opt_string(r, "cwd", NULL, &j->cwd, e)) < 0 ||
        (rc = json_opt_string(r, "user", NULL, &j->user, e)) < 0 ||
        (rc = json_opt_bool(r, "tty", false, &j->tty, e)) < 0 ||
        (rc = json_opt_bool(r, "input", false, &j->input, e)) < 0 ||
        (rc = json_opt_bool(r, "detach", false, &j->detach, e)) < 0 ||
        (rc = json_opt_uint(r, "cols", 0, 0, UINT16_MAX, &j->cols, e)) < 0 ||
        (rc = json_opt_uint(r, "rows", 0, 0, UINT16_MAX, &j->rows, e)) < 0)
        return rc;
    return 0;
}

/* ---- making it ---- */

/* What the container's own process is made of, as config.json has it, is the start. */
static int base(const struct job *j, json_t **ret, struct err *e)
{
    OWN(json_t) config = NULL;
    OWN_MEM char *path = path_make("%s/config.json", j->all->run);
    json_t *process;
    int rc = path ? json_load(path, &config, e) : err_code(e, -ENOMEM, "exec");
    if (rc == 0)
        rc = json_get_object(config, "process", &process, e);
    if (rc == 0)
        *ret = json_incref(process);
    return rc;
}

static json_t *user_json(const struct bundle_user *u)
{
    OWN(json_t) groups = json_array();
    for (unsigned i = 0; i < u->nr_groups; i++)
        json_array_append_new(groups, json_integer(u->groups[i]));
    return json_pack("{s:I, s:I, s:O}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
                     "additionalGids", groups);
}

static bool change(const struct job *j, json_t *p)
{
    const char *const shell[] = {j->all->shell, NULL};
    json_t *env = json_object_get(p, "env");
    json_object_del(p, "consoleSize");
    bool ok = json_is_array(env) &&
              json_object_set_new(p, "args", strings_json(j->argv && j->argv[0] ? j->argv : shell)) == 0 &&
              json_object_set_new(p, "terminal", json_boolean(j->tty)) == 0;
    if (ok && j->cwd)
        ok = json_object_set_new(p, "cwd", json_string(j->cwd)) == 0;
    if (ok && j->user)
        ok = json_object_set_new(p, "user", user_json(&j->who)) == 0 &&
             json_array_append_new(env, json_sprintf("HOME=%s", j->who.home)) == 0;
    for (const char *const *v = j->env; ok && v && *v; v++)
        ok = json_array_append_new(env, json_string(*v)) == 0;
    return ok;
}

/* Its process section, for the runtime to read: an environment is nothing to be shown in its arguments. */
static int write_process(const struct job *j, const char *path, struct err *e)
{
    OWN(json_t) p = NULL;
    int rc = base(j, &p, e);
    OWN_MEM char *text = rc == 0 && change(j, p) ? json_dumps(p, JSON_COMPACT) : NULL;
    if (rc < 0)
        return rc;
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    rc = !text ? -EILSEQ : fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "exec") : 0;
}

static int read_pid(const char *path, pid_t *ret, struct err *e)
{
    OWN_MEM char *text = NULL;
    int rc = file_read(path, 32, &text, NULL, e);
    unlink(path);
    if (rc < 0)
        return rc;
    *ret = (pid_t)strtol(text, NULL, 10);
    return *ret > 0 ? 0 : err_set(e, -EIO, "no process came of it");
}

static int find_user(struct job *j, struct err *e)
{
    OWN_FD root = open(j->all->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? err_sys(e, "%s", j->all->root) : bundle_user_find(root, j->user, &j->who, e);
}

static int make_process(struct job *j, struct helper_streams *ret, pid_t *ret_pid, struct err *e)
{
    OWN_MEM char *tty = path_make("%s/tty", j->all->run), *process = path_make("%s/exec.json", j->all->run);
    j->pid_file = path_make("%s/exec", j->all->run);
    if (!tty || !process || !j->pid_file)
        return err_code(e, -ENOMEM, "exec");
    const char *const args[] = {"--detach", "--pid-file", j->pid_file, "--process",
                                process,    j->all->id,   NULL};
    const char *const terminal[] = {"--detach", "--pid-file",       j->pid_file, "--process", process,
                                    "--tty",    "--console-socket", tty,         j->all->id,  NULL};
    const struct helper h = {.tty = j->tty,
                             .input = j->input,
                             .uid = j->who.uid,
                             .gid = j->who.gid,
                             .tty_path = tty,
                             .call = {j->all->states, "exec", j->tty ? terminal : args}};
    int rc = write_process(j, process, e);
    if (rc == 0)
        rc = helper_make(&h, ret, e);
    unlink(process);
    return rc < 0 ? rc : read_pid(j->pid_file, ret_pid, e);
}

/* ---- serving it ---- */

static void item_free(struct exec_item *i)
{
    for (struct exec_item **p = &i->all->items; *p; p = &(*p)->next)
        if (*p == i) {
            *p = i->next;
            break;
        }
    streams_free(i->streams);
    free(i);
}

static void ended(void *ctx, struct streams *s, int status)
{
    (void)s, (void)status;
    item_free(ctx);
}

static void signalled(void *ctx, int number)
{
    const struct exec_item *i = ctx;
    kill(i->pid, number); /* our own child, not waited for yet */
}

static int serve(struct job *j, const struct helper_streams *fd, pid_t pid, struct exec_item **ret,
                 struct err *e)
{
    struct exec_item *i = calloc(1, sizeof(*i));
    if (!i)
        return err_code(e, -ENOMEM, "exec");
    *i = (struct exec_item){.next = j->all->items, .all = j->all, .pid = pid};
    j->all->items = i;
    const struct streams_config c = {.loop = j->all->loop,
                                     .pid = pid,
                                     .tty = j->tty,
                                     .fd = *fd,
                                     .held = !j->detach,
                                     .signal = signalled,
                                     .ended = ended,
                                     .ctx = i};
    int rc = streams_new(&c, &i->streams, e);
    if (rc < 0) {
        item_free(i);
        return rc;
    }
    if (j->tty && j->cols && j->rows)
        streams_resize(i->streams, (unsigned)j->cols, (unsigned)j->rows);
    *ret = i;
    return 0;
}

static bool ignore(void *ctx, const struct frame *f)
{
    (void)ctx, (void)f;
    return true;
}

static void gone(void *ctx)
{
    (void)ctx;
}

/* As the command's own complaint: the client asked for its streams and status. */
static int tell_not_run(struct conn *c, const struct err *why)
{
    static const struct conn_ops ops = {.frame = ignore, .closed = gone};
    char line[600];
    uint8_t exit[FRAME_HEADER + 4];
    struct frame f;
    int n = snprintf(line, sizeof(line), "hospes: exec: %s\n", why->text);
    frame_put_exit(exit, why->code == -ENOENT ? NOT_THERE : NOT_RUN);
    frame_parse(exit, sizeof(exit), &f);
    conn_attach(c, &ops, NULL);
    conn_ok(c);
    conn_send(c, FRAME_STDERR, line, (uint32_t)n);
    conn_send(c, FRAME_EXIT, f.payload, f.len);
    conn_finish(c);
    return 0;
}

int container_exec_new(struct container_execs *x, struct conn *c, json_t *request, struct err *e)
{
    OWN_JOB j = {.all = x};
    struct helper_streams fd = {-1, -1, -1};
    struct exec_item *i = NULL;
    pid_t pid = 0;
    int rc = parse(request, &j, e);
    if (rc < 0)
        return rc;
    struct err why = {0};
    rc = find_user(&j, &why);
    if (rc == 0)
        rc = make_process(&j, &fd, &pid, &why);
    if (rc == 0)
        rc = serve(&j, &fd, pid, &i, &why);
    if (rc < 0)
        return j.detach ? err_set(e, rc, "%s", why.text) : tell_not_run(c, &why);
    if (!j.detach)
        return streams_attach(i->streams, c, e);
    conn_ok(c);
    return 0;
}

void container_execs_free(struct container_execs *x)
{
    while (x->items) {
        streams_fail(x->items->streams, 128 + SIGKILL);
        item_free(x->items);
    }
}

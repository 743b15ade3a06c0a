// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_machine: see exec_machine.h. */
#include "container/exec_machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "container/fdpass.h"
#include "container/pid_file.h"
#include "container/sync.h"
#include "container/terminal.h"

#define LOG_MAX (64u << 10)

struct entry {
    const struct state *s;
    const struct exec_options *o;
    struct config process; /* of --process */
    json_t *request;
    bool tty;
    char name[32]; /* of the files in `out` */
    int out, slave, sync[2];
};

static void remove_file(const struct entry *n, const char *end)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%s", n->name, end);
    (void)unlinkat(n->out, name, 0);
}

static void entry_fini(struct entry *n)
{
    if (n->out >= 0) {
        remove_file(n, "json");
        remove_file(n, "pid");
        remove_file(n, "log");
    }
    config_fini(&n->process);
    json_decref(n->request);
    own_fd(&n->out);
    own_fd(&n->slave);
    own_fd(&n->sync[0]);
    own_fd(&n->sync[1]);
}

/* ---- the request ---- */

void machine_request_add(json_t *request, const char *word)
{
    json_array_append_new(json_object_get(request, "argv"), json_string(word));
}

static void add_option(json_t *request, const char *option, const char *value)
{
    if (!value)
        return;
    machine_request_add(request, option);
    machine_request_add(request, value);
}

json_t *machine_request(const char *command, const char *name, bool tty)
{
    char log[64], pid[64];
    snprintf(log, sizeof(log), MACHINE_OUT "/%s.log", name);
    snprintf(pid, sizeof(pid), MACHINE_OUT "/%s.pid", name);
    json_t *j = json_pack("{s:s, s:[s, s, s, s, s, s, s, s], s:b, s:b, s:s}", "do", "exec", "argv",
                          MACHINE_RUNTIME, "--root", MACHINE_STATES, "--log", log, "--log-format", "json",
                          command, "tty", tty, "input", 1, "cwd", "/");
    add_option(j, "--pid-file", pid);
    return j;
}

static void from_options(struct entry *n)
{
    const struct exec_options *o = n->o;
    char number[16];
    add_option(n->request, "--cwd", o->cwd);
    add_option(n->request, "--user", o->user);
    for (unsigned i = 0; i < o->nr_env; i++)
        add_option(n->request, "--env", o->env[i]);
    for (unsigned i = 0; i < o->nr_caps; i++)
        add_option(n->request, "--cap", o->caps[i]);
    for (unsigned i = 0; i < o->nr_groups; i++) {
        snprintf(number, sizeof(number), "%u", o->groups[i]);
        add_option(n->request, "--additional-gids", number);
    }
    if (o->no_new_privileges)
        machine_request_add(n->request, "--no-new-privs");
    if (n->tty)
        machine_request_add(n->request, "--tty");
    machine_request_add(n->request, n->s->id);
    for (unsigned i = 0; i < o->nr_args; i++)
        machine_request_add(n->request, o->args[i]);
}

/* Labels and CPUs are the host's. */
static int from_file(struct entry *n, struct err *e)
{
    static const char *const hosts[] = {"apparmorProfile", "selinuxLabel", "execCPUAffinity"};
    char name[64], path[96];
    json_t *j = n->process.json;
    for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        json_object_del(j, hosts[i]);
    json_object_set_new(j, "terminal", json_boolean(n->tty));
    snprintf(name, sizeof(name), "%s.json", n->name);
    snprintf(path, sizeof(path), MACHINE_OUT "/%s", name);
    OWN_FD fd = openat(n->out, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || json_dumpfd(j, fd, JSON_COMPACT) < 0)
        return err_sys(e, "hand the process over");
    add_option(n->request, "--process", path);
    machine_request_add(n->request, n->s->id);
    return 0;
}

static int load(struct entry *n, struct err *e)
{
    const struct exec_options *o = n->o;
    int rc = o->process_file ? config_load_process(o->process_file, &n->process, e) : 0;
    if (rc < 0)
        return rc;
    n->tty = o->terminal || n->process.process.terminal;
    if (n->tty && o->detach && !o->console_socket)
        return err_set(e, -EINVAL,
                       "a terminal needs --console-socket with --detach, as nobody stays to serve it");
    n->request = machine_request("exec", n->name, n->tty);
    if (o->process_file)
        return from_file(n, e);
    from_options(n);
    return 0;
}

/* The guest may have put anything there instead: no link is followed, nothing but a file is read. */
static char *read_log(int out_dir, const char *name)
{
    char file[64], *text = calloc(1, LOG_MAX + 1);
    struct stat st;
    snprintf(file, sizeof(file), "%s.log", name);
    OWN_FD fd = openat(out_dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (text && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read(fd, text, LOG_MAX) > 0)
        return text;
    free(text);
    return NULL;
}

void machine_why(int out_dir, const char *name, struct err *e)
{
    OWN_MEM char *text = read_log(out_dir, name);
    size_t len = text ? strlen(text) : 0;
    if (len < 2)
        return;
    if (text[len - 1] == '\n')
        text[len - 1] = 0;
    char *line = strrchr(text, '\n');
    OWN(json_t) j = json_loads(line ? line + 1 : text, 0, NULL);
    const char *why = json_string_value(json_object_get(j, "msg"));
    const char *behind = why ? strstr(why, ": ") : NULL; /* the command, which our caller names too */
    if (behind)
        err_set(e, e->code, "%.400s", behind + 2);
    for (char *p = e->text; *p; p++) /* the guest's words */
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
}

/* ---- the process that stands for it ---- */

static void tell_started(void *ctx)
{
    struct entry *n = ctx;
    (void)sync_send(n->sync[1], SYNC_READY, 0, NULL, -1);
}

static int stand(struct entry *n, int sock, bool told, struct err *e)
{
    char running[64];
    snprintf(running, sizeof(running), "%s.pid", n->name);
    const struct proxy p = {.sock = sock,
                            .request = n->request,
                            .tty = n->tty,
                            .out_dir = n->out,
                            .running = running,
                            .started = told ? tell_started : NULL,
                            .ctx = n};
    int rc = proxy_run(&p, e);
    if (rc == -ECHILD)
        machine_why(n->out, n->name, e);
    return rc;
}

static int terminal(struct entry *n, struct err *e)
{
    if (!n->tty || !n->o->console_socket)
        return 0;
    OWN_FD console = unix_connect(n->o->console_socket, SOCK_STREAM, e);
    if (console < 0)
        return err_wrap(e, "--console-socket");
    OWN_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN_FD master = terminal_make(root, &n->process.process, false, &n->slave, e);
    return master < 0 ? master : terminal_hand_over(console, master, e);
}

/* In a process of its own. */
_Noreturn static void detached(struct entry *n, int sock)
{
    struct err e = {0};
    setsid();
    int rc = n->slave >= 0 ? terminal_take(n->slave, &e) : 0;
    if (rc == 0)
        rc = stand(n, sock, true, &e);
    if (rc < 0)
        (void)sync_send(n->sync[1], SYNC_FAILED, e.code, e.text, -1);
    entry_fini(n);
    _exit(rc < 0 ? 1 : rc);
}

static int await(struct entry *n, struct err *e)
{
    struct sync_msg m;
    int rc = sync_recv(n->sync[0], &m, NULL);
    if (rc > 0 && m.kind == SYNC_READY)
        return 0;
    return rc > 0 ? err_set(e, m.value < 0 ? m.value : -EIO, "%s", m.text)
                  : err_set(e, -ECHILD, "the process that stands for it died");
}

static int detach(struct entry *n, int sock, struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, n->sync) < 0)
        return err_sys(e, "socket pair");
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0)
        detached(n, sock);
    own_fd(&n->sync[1]);
    n->sync[1] = -1;
    int rc = await(n, e);
    if (rc == 0)
        rc = n->o->pid_file ? pid_file_write(n->o->pid_file, pid, e) : 0;
    if (rc < 0) {
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    } else {
        own_fd(&n->out); /* the files are the other process' now */
        n->out = -1;
    }
    return rc;
}

/* With a console socket but not detached: the terminal is served elsewhere, the status is ours. */
static int attached(struct entry *n, int sock, struct err *e)
{
    int rc = n->o->pid_file ? pid_file_write(n->o->pid_file, getpid(), e) : 0;
    if (rc == 0 && n->slave >= 0)
        rc = setsid() < 0 && errno != EPERM ? err_sys(e, "make a session") : terminal_take(n->slave, e);
    return rc < 0 ? rc : stand(n, sock, false, e);
}

int exec_machine(const struct state *s, int dir, const struct exec_options *o, struct err *e)
{
    __attribute__((cleanup(entry_fini))) struct entry n = {.s = s, .o = o, .slave = -1, .sync = {-1, -1}};
    snprintf(n.name, sizeof(n.name), "exec-%d", getpid());
    n.out = openat(dir, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (n.out < 0)
        return err_sys(e, "the machine's files");
    if (faccessat(dir, "start", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(e, -EBUSY, "container %s is created, it has to be started first", s->id);
    int rc = load(&n, e);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/machine", dir);
    OWN_FD sock = rc < 0 ? rc : unix_connect(path, SOCK_STREAM, e);
    if (rc == 0 && sock < 0)
        rc = err_wrap(e, "the machine of container %s", s->id);
    if (rc == 0)
        rc = terminal(&n, e);
    if (rc < 0)
        return rc;
    return o->detach ? detach(&n, sock, e) : attached(&n, sock, e);
}

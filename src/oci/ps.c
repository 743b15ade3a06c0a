// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ps: the processes of a container, by their numbers on the host. The table is that of ps(1), of which only
 * the container's lines are left; so its options may be given.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container.h"
#include "oci/oci.h"

struct ps_args {
    const char *format;
};
static const struct opt ps_opts[] = {OPT(ps_args, format, OPT_CHOICE, 'f', "table|json", "how")};

struct pids {
    pid_t *pid;
    unsigned nr;
};

static int find_pids(const struct globals *g, const char *id, struct pids *ret, struct err *e)
{
    OWN_STATE s = {0};
    struct cgroup cg;
    int rc = container_open(g->states, id, &s, &cg, NULL, e);
    if (rc == 0)
        rc = cgroup_pids(&cg, &ret->pid, &ret->nr, e);
    if (rc < 0 || ret->nr || !state_alive(&s))
        return rc;
    free(ret->pid); /* an ordinary user's, without a cgroup */
    ret->pid = malloc(sizeof(*ret->pid));
    BUG_ON(!ret->pid);
    ret->pid[ret->nr++] = s.pid;
    return 0;
}

static int as_json(const struct pids *p, struct err *e)
{
    OWN(json_t) j = json_array();
    for (unsigned i = 0; i < p->nr; i++)
        json_array_append_new(j, json_integer(p->pid[i]));
    return oci_print(j, JSON_COMPACT, e);
}

/* ---- the table ---- */

/* The n-th word of a line as a number; -1: it has fewer, or that is none. */
static long word(const char *line, int n)
{
    char *end;
    line += strspn(line, " ");
    for (; n > 0 && *line; n--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    long number = strtol(line, &end, 10);
    return end == line ? -1 : number;
}

/* Which word of the heading is PID; -1: none. */
static int pid_column(const char *heading)
{
    int n = 0;
    for (const char *at = heading; *(at += strspn(at, " "));) {
        size_t len = strcspn(at, " \n");
        if (len == 3 && strncmp(at, "PID", 3) == 0)
            return n;
        at += len;
        at += *at == '\n';
        n++;
    }
    return -1;
}

static bool ours(const struct pids *p, long pid)
{
    for (unsigned i = 0; i < p->nr; i++)
        if (p->pid[i] == pid)
            return true;
    return false;
}

static int filter(FILE *in, const struct pids *p, struct err *e)
{
    OWN_MEM char *line = NULL;
    size_t size = 0;
    int column = getline(&line, &size, in) > 0 ? pid_column(line) : -1;
    if (column < 0)
        return err_set(e, -EINVAL, "ps shows no column PID");
    fputs(line, stdout);
    while (getline(&line, &size, in) > 0)
        if (ours(p, word(line, column)))
            fputs(line, stdout);
    return fflush(stdout) == EOF ? err_sys(e, "standard output") : 0;
}

/* 0 and *ret_out is what it writes; an errno. */
static int start_ps(char **options, pid_t *ret, FILE **ret_out)
{
    char *argv[64] = {(char *)"ps", (char *)"-ef"};
    int pipes[2];
    for (unsigned i = 0; options[i] && i < 62; i++)
        argv[i + 1] = options[i];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_t with;
    posix_spawn_file_actions_init(&with);
    posix_spawn_file_actions_adddup2(&with, pipes[1], 1);
    int rc = posix_spawnp(ret, "ps", &with, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&with);
    close(pipes[1]);
    *ret_out = rc ? NULL : fdopen(pipes[0], "r");
    if (!*ret_out)
        close(pipes[0]);
    return rc;
}

static void plain_table(const struct pids *p)
{
    puts("PID");
    for (unsigned i = 0; i < p->nr; i++)
        printf("%d\n", p->pid[i]);
}

static int as_table(const struct pids *p, char **options, struct err *e)
{
    pid_t pid;
    OWN_FILE out = NULL;
    int status, bad = start_ps(options, &pid, &out);
    if (bad == ENOENT && !*options) { /* a host without ps(1) */
        plain_table(p);
        return 0;
    }
    if (bad)
        return err_code(e, -bad, "ps");
    int rc = filter(out, p, e);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

static int ps(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct ps_args *a = args;
    struct pids p = {0};
    int rc = find_pids(g, argv[0], &p, e);
    if (rc == 0)
        rc = a->format && strcmp(a->format, "json") == 0 ? as_json(&p, e) : as_table(&p, argv + 1, e);
    free(p.pid);
    return rc < 0 ? err_wrap(e, "ps") : rc;
}

const struct command oci_ps = {
    .name = "ps",
    .operands = "ID [PS OPTION...]",
    .help = "list a container's processes",
    COMMAND_OPTS(ps_opts),
    .args_size = sizeof(struct ps_args),
    .leading = true,
    .min_operands = 1,
    .max_operands = -1,
    .run = ps,
};

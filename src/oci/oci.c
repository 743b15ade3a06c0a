// SPDX-License-Identifier: GPL-2.0-or-later
/* oci: see oci.h. Options, help, and the one place that prints errors. */
#include "oci/oci.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/utc.h"
#include "container/self.h"
#include "container/state.h"

static const struct command *const commands[] = {
    &oci_create, &oci_start, &oci_state,    &oci_kill,       &oci_delete,  &oci_run,
    &oci_exec,   &oci_ps,    &oci_list,     &oci_pause,      &oci_resume,  &oci_update,
    &oci_events, &oci_spec,  &oci_features, &oci_checkpoint, &oci_restore, NULL,
};

static const struct opt global_opts[] = {
    OPT(globals, root, OPT_TEXT, 0, "DIR", "where the states of containers are kept"),
    OPT(globals, log, OPT_TEXT, 0, "FILE", "append errors to FILE too"),
    OPT(globals, log_format, OPT_TEXT, 0, "text|json", "how they are written there"),
    OPT(globals, systemd_cgroup, OPT_FLAG, 0, NULL, "let systemd make the cgroups"),
    OPT(globals, cgroup_manager, OPT_TEXT, 0, "cgroupfs|systemd|disabled", "who makes the cgroups"),
    OPT(globals, rootless, OPT_TEXT, 0, "true|false|auto", "accepted; found out by itself"),
    OPT(globals, report, OPT_NUMBER, 0, "FD", NULL), /* of hospes: the error as "CODE TEXT" to a descriptor */
    OPT(globals, vm, OPT_FLAG, 0, NULL, "a machine around each container, whatever its configuration says"),
    OPT(globals, debug, OPT_FLAG, 0, NULL, "say more in the log"),
    OPT(globals, log_level, OPT_TEXT, 0, "LEVEL", NULL), /* of crun: accepted */
    OPT(globals, criu, OPT_TEXT, 0, "PATH", NULL),       /* of old runc: accepted, PATH is searched */
};
#define NR_GLOBAL_OPTS (sizeof(global_opts) / sizeof(global_opts[0]))

bool globals_systemd(const struct globals *g)
{
    return g->systemd_cgroup || (g->cgroup_manager && strcmp(g->cgroup_manager, "systemd") == 0);
}

/* ---- errors ---- */

static void put_quoted(FILE *f, const char *text)
{
    for (; *text; text++)
        fprintf(f, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
}

static void log_line(const struct globals *g, const char *level, const char *text)
{
    char at[UTC_SIZE];
    FILE *f = g->log ? fopen(g->log, "ae") : NULL;
    if (!f)
        return;
    utc_now(at);
    if (g->log_format && strcmp(g->log_format, "json") == 0) {
        OWN(json_t) j = json_pack("{s:s, s:s+, s:s}", "level", level, "msg", text, "", "time", at);
        OWN_MEM char *line = j ? json_dumps(j, JSON_COMPACT) : NULL;
        fprintf(f, "%s\n", line ? line : "{\"level\":\"error\",\"msg\":\"not UTF-8\"}");
    } else {
        fprintf(f, "time=\"%s\" level=%s msg=\"", at, level);
        put_quoted(f, text);
        fputs("\"\n", f);
    }
    fclose(f);
}

static int failed(const struct globals *g, const struct err *e)
{
    if (g->report) {
        dprintf((int)g->report, "%d %s", e->code, e->text);
        return 1;
    }
    log_line(g, "error", e->text);
    fprintf(stderr, "hospes-oci: %s\n", e->text);
    return 1;
}

/* With --log, warnings go there too, not among the output of the container: they are collected in memory. */
static int collect_warnings(const struct globals *g)
{
    int fd = g->log ? memfd_create("warnings", MFD_CLOEXEC) : -1;
    if (fd >= 0)
        log_to(fd, LOG_INFO);
    return fd;
}

static void log_warnings(const struct globals *g, int fd)
{
    static const char prefix[] = "hospes: warning: ";
    char text[16384];
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (*line)
            log_line(g, "warning",
                     strncmp(line, prefix, sizeof(prefix) - 1) == 0 ? line + sizeof(prefix) - 1 : line);
}

/* ---- help ---- */

static void help_opts(const struct opt *opts, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        char name[64], left[96];
        opt_spell(&opts[i], name, sizeof(name));
        if (!opts[i].help)
            continue;
        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", opts[i].letter ? '-' : ' ',
                 opts[i].letter ? opts[i].letter : ' ', opts[i].letter ? ", " : "  ", name,
                 opts[i].value ? " " : "", opts[i].value ? opts[i].value : "");
        printf("  %-36s %s\n", left, opts[i].help);
    }
}

static void help_all(void)
{
    printf("usage: hospes-oci [OPTIONS] COMMAND ...\n\nruns containers by the OCI runtime "
           "specification\n\ncommands:\n");
    for (const struct command *const *c = commands; *c; c++)
        printf("  %-12s %s\n", (*c)->name, (*c)->help);
    printf("\noptions:\n");
    help_opts(global_opts, NR_GLOBAL_OPTS);
}

static void help_one(const struct command *c)
{
    printf("usage: hospes-oci [OPTIONS] %s%s%s\n\n%s\n", c->name, c->operands ? " [OPTIONS] " : " [OPTIONS]",
           c->operands ? c->operands : "", c->help);
    if (c->nr_opts)
        printf("\noptions:\n");
    help_opts(c->opts, c->nr_opts);
}

/* ---- dispatch ---- */

static const struct command *find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static int check_operands(const struct command *c, int nr, struct err *e)
{
    if (nr < c->min_operands)
        return err_set(e, -EINVAL, "%s: needs %s", c->name, c->operands);
    if (c->max_operands >= 0 && nr > c->max_operands)
        return err_set(e, -EINVAL, "%s: takes no more than %d operand%s", c->name, c->max_operands,
                       c->max_operands == 1 ? "" : "s");
    return 0;
}

static int run(const struct command *c, const struct globals *g, int argc, char **argv, struct err *e)
{
    _Alignas(16) char args[512] = {0};
    const struct opt_table t = {.opts = c->opts, .nr = c->nr_opts, .leading = c->leading};
    BUG_ON(c->args_size > sizeof(args));
    int nr, rc = opt_parse(&t, argc, argv, args, &nr, e);
    if (rc == OPT_HELP)
        help_one(c);
    else if (rc == OPT_OPERANDS && (rc = check_operands(c, nr, e)) == 0) {
        argv[nr] = NULL;
        rc = c->run(g, args, nr, argv, e);
    } else if (rc < 0) {
        err_wrap(e, "%s", c->name);
    }
    opt_fini(&t, args);
    return rc == OPT_HELP && nr == 0 ? 0 : rc;
}

static int check_globals(const struct globals *g, struct err *e)
{
    const char *m = g->cgroup_manager, *f = g->log_format;
    if (f && strcmp(f, "json") != 0 && strcmp(f, "text") != 0)
        return err_set(e, -EINVAL, "--log-format: \"%s\" is not text or json", f);
    if (m && strcmp(m, "cgroupfs") != 0 && strcmp(m, "systemd") != 0 && strcmp(m, "disabled") != 0)
        return err_set(e, -EINVAL, "--cgroup-manager: \"%s\" is not cgroupfs, systemd or disabled", m);
    return 0;
}

static int version(void)
{
    puts("hospes-oci version " HOSPES_VERSION "\nspec: 1.2.0");
    return 0;
}

/* A runtime that engines can just be given by another name. */
static bool named_for_machines(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash ? slash + 1 : program, "hospes-oci-vm") == 0;
}

static int dispatch(struct globals *g, int argc, char **argv, char **whole, struct err *e)
{
    const struct opt_table t = {.opts = global_opts, .nr = NR_GLOBAL_OPTS, .leading = true};
    int nr, rc;
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0))
        return version();
    rc = opt_parse(&t, argc - 1, argv + 1, g, &nr, e);
    if (rc < 0)
        return rc;
    if (rc == OPT_HELP || (nr > 0 && strcmp(argv[1], "help") == 0)) {
        help_all();
        return 0;
    }
    g->vm |= named_for_machines(whole[0]);
    if ((rc = check_globals(g, e)) < 0)
        return rc;
    const struct command *c = nr > 0 ? find(argv[1]) : NULL;
    if (!c)
        return err_set(e, -EINVAL,
                       nr > 0 ? "unknown command %s (see hospes-oci --help)"
                              : "which command? (see hospes-oci --help)%s",
                       nr > 0 ? argv[1] : "");
    if (c->enters && !g->vm) /* no process of ours enters a machine */
        self_protect(whole);
    g->states = state_root(g->root);
    OWN_FD warnings = collect_warnings(g);
    rc = run(c, g, nr - 1, argv + 2, e);
    log_warnings(g, warnings);
    return rc;
}

/* Closed standard streams would give their numbers to files of ours. */
static void open_streams(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2)
        fd = open("/dev/null", O_RDWR);
    if (fd > 2)
        close(fd);
}

int oci_main(int argc, char **argv, const struct machines *machines)
{
    struct globals g = {.machines = machines};
    struct err e = {0};
    json_seed();
    open_streams();
    signal(SIGPIPE, SIG_IGN);
    OWN_MEM char **whole = calloc((size_t)argc + 1, sizeof(*whole)); /* parsing reorders argv */
    BUG_ON(!whole);
    memcpy(whole, argv, (size_t)argc * sizeof(*whole));
    g.words = whole;
    int rc = dispatch(&g, argc, argv, whole, &e);
    if (rc < 0)
        rc = failed(&g, &e);
    free(g.states);
    return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* ps: the guests. */
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "monitor/client.h"

struct ps_args {
    bool all, quiet, json;
};

static const char *text(const json_t *guest, const char *key)
{
    const char *s = json_string_value(json_object_get(guest, key));
    return s ? s : "-";
}

static uint64_t number(const json_t *guest, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(guest, key));
}

/* "stopped (7)", "broken: kernel panic" */
static void state_text(const json_t *guest, char *buf, size_t size)
{
    const char *state = text(guest, "state"), *why = json_string_value(json_object_get(guest, "why"));
    uint64_t status = number(guest, "status");
    if (why && (strcmp(state, "broken") == 0 || strcmp(state, "crashed") == 0))
        snprintf(buf, size, "%s: %s", state, why);
    else if (status && strcmp(state, "stopped") == 0)
        snprintf(buf, size, "%s (%u)", state, (unsigned)status);
    else
        snprintf(buf, size, "%s", state);
}

static void up_text(const json_t *guest, char *buf, size_t size)
{
    struct tm tm = {0};
    const char *started = json_string_value(json_object_get(guest, "started"));
    bool up = json_is_integer(json_object_get(guest, "pid"));
    snprintf(buf, size, "-");
    if (up && started && strptime(started, "%Y-%m-%dT%H:%M:%SZ", &tm))
        table_span(time(NULL) - timegm(&tm), buf, size);
}

static void ports_text(const json_t *guest, char *buf, size_t size)
{
    size_t i, at = 0;
    json_t *port;
    snprintf(buf, size, "-");
    json_array_foreach(json_object_get(guest, "ports"), i, port)
    {
        const char *s = json_string_value(port);
        int n = snprintf(buf + at, size - at, "%s%s", i ? ", " : "", s ? s : "?");
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

static void add_row(struct table *t, const json_t *g)
{
    char cpus[16], memory[32], state[256], up[32], ports[512];
    double nr = json_number_value(json_object_get(g, "cpus"));
    snprintf(cpus, sizeof(cpus), nr > 0 ? "%g" : "-", nr);
    snprintf(memory, sizeof(memory), "-");
    if (number(g, "memory"))
        table_bytes(number(g, "memory"), memory, sizeof(memory));
    state_text(g, state, sizeof(state));
    up_text(g, up, sizeof(up));
    ports_text(g, ports, sizeof(ports));
    table_add(t, (const char *[]){text(g, "name"), text(g, "kind"), text(g, "engine"), cpus, memory,
                                  text(g, "image"), state, up, text(g, "address"), ports});
}

static void print_table(const json_t *list)
{
    static const char *const heads[] = {"NAME",  "KIND", "ENGINE",  "CPUS",  "MEMORY", "IMAGE",
                                        "STATE", "UP",   "ADDRESS", "PORTS", NULL};
    OWN_TABLE t;
    size_t i;
    json_t *g;
    table_init(&t, heads);
    json_array_foreach(list, i, g) add_row(&t, g);
    table_print(&t, stdout);
}

static int ps_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct ps_args *a = args;
    OWN(json_t) list = NULL;
    size_t i;
    json_t *g;
    (void)argc, (void)argv;
    int rc = client_list(a->all, &list, e);
    if (rc < 0)
        return rc;
    if (a->json)
        print_json(list);
    else if (a->quiet)
        json_array_foreach(list, i, g) puts(text(g, "name"));
    else
        print_table(list);
    return 0;
}

static const struct opt ps_opts[] = {
    OPT(ps_args, all, OPT_FLAG, 'a', NULL, "those that do not run too"),
    OPT(ps_args, quiet, OPT_FLAG, 'q', NULL, "print names only"),
    OPT(ps_args, json, OPT_FLAG, 0, NULL, "print JSON"),
};
const struct verb verb_ps = {
    .name = "ps",
    .help = "list the guests",
    .about = "Guests that run, or with -a all. The state is created, running, paused, stopping, stopped "
             "(with the exit "
             "status, if it is not 0), broken (the guest ended in trouble), or crashed (its monitor did).",
    VERB_OPTS(ps_opts),
    .args_size = sizeof(struct ps_args),
    .run = ps_run,
};

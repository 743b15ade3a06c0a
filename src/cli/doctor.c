// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor: tells what this host offers and what to do about what is missing. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor_check.h"
#include "cli/print_json.h"
#include "cli/verbs.h"

struct doctor_args {
    bool json;
};

static const char *const level_names[] = {"ok", "warn", "missing"};

static void print_line(const struct check *c, const struct finding *f)
{
    printf("%-11s %-8s %s\n", c->name, level_names[f->level], f->text);
    if (f->advice[0])
        printf("%20s -> %s\n", "", f->advice);
}

static json_t *to_json(const struct check *c, const struct finding *f)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "name", c->name, "level", level_names[f->level], "text", f->text,
                     "advice", f->advice);
}

/* Machines run when one engine works and there is a place to keep them. */
static int doctor_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct doctor_args *a = args;
    (void)argc, (void)argv, (void)e;
    json_t *list = json_array();
    bool engine = false, missing = false;
    for (const struct check *c = doctor_checks; c->name; c++) {
        struct finding f = {0};
        c->look(&f);
        bool is_engine = strcmp(c->name, "kvm") == 0 || strcmp(c->name, "jit") == 0;
        engine |= is_engine && f.level == DOCTOR_OK;
        missing |= !is_engine && f.level == DOCTOR_MISSING;
        if (a->json)
            json_array_append_new(list, to_json(c, &f));
        else
            print_line(c, &f);
    }
    if (a->json)
        print_json(list);
    else
        printf("\n%s\n", engine && !missing ? "Machines can run here." : "Machines cannot run here yet.");
    json_decref(list);
    return engine && !missing ? 0 : 1;
}

static const struct opt doctor_opts[] = {
    OPT(doctor_args, json, OPT_FLAG, 0, NULL, "print JSON"),
};
const struct verb verb_doctor = {
    .name = "doctor",
    .help = "tell what this host offers and what to do about what is missing",
    .about =
        "Looks at KVM (by running a throw-away guest), memory for translated code, networks, namespaces, "
        "control groups, disk space and the tools that making images needs.\n\n"
        "The exit status is 0 when machines can run here and 1 when they cannot.",
    VERB_OPTS(doctor_opts),
    .args_size = sizeof(struct doctor_args),
    .run = doctor_run,
};

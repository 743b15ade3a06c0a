// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * completion: prints the completion script for bash, made from the verb tables.
 *
 * The script walks to the verb, then offers its options, the values of an option with a choice, or what
 * an operand's name asks for: NAME guests, IMAGE images, FILE and DIR paths, a word in lower case itself.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/verbs.h"

static void words_of(const char *choice)
{
    for (; *choice; choice++)
        putchar(*choice == '|' ? ' ' : *choice);
}

/* The call of the script that completes what is called so in the help. */
static void completes(const char *kind, bool operand)
{
    if (strstr(kind, "FILE") || strstr(kind, "DIR")) {
        fputs("_hospes_files", stdout);
    } else if (strchr(kind, '|') || islower((unsigned char)kind[0])) {
        fputs("_hospes_words '", stdout);
        words_of(kind);
        fputs("'", stdout);
    } else if (operand && strstr(kind, "IMAGE")) {
        fputs("_hospes_names image ls", stdout);
    } else if (operand && strstr(kind, "NAME")) {
        fputs("_hospes_names ps -a", stdout);
    } else {
        fputs(":", stdout);
    }
}

static void value_of(const struct verb *v, const struct opt *o)
{
    char name[64];
    opt_spell(o, name, sizeof(name));
    putchar('\t');
    if (o->letter)
        printf("'%s -%c' | ", v->name, o->letter);
    printf("'%s --%s') ", v->name, name);
    completes(o->value, false);
    fputs(" ;;\n", stdout);
}

static void options_of(const struct verb *v)
{
    printf("\t'%s') _hospes_words '", v->name);
    for (unsigned i = 0; i < v->nr_opts; i++) {
        char name[64];
        if (!v->opts[i].help)
            continue;
        opt_spell(&v->opts[i], name, sizeof(name));
        printf("--%s ", name);
    }
    fputs("--help' ;;\n", stdout);
}

static void operand_of(const struct verb *v)
{
    printf("\t'%s') ", v->name);
    completes(v->operands ? v->operands : "", true);
    fputs(" ;;\n", stdout);
}

/* fn for each verb that is shown, as the cases of a function of the script. */
static void cases(const char *function, void (*fn)(const struct verb *v))
{
    printf("%s() {\n\tcase $1 in\n", function);
    for (const struct verb *const *v = verbs; *v; v++)
        if (!(*v)->hidden)
            fn(*v);
    fputs("\t*) return 1 ;;\n\tesac\n}\n", stdout);
}

static void values_of(const struct verb *v)
{
    for (unsigned i = 0; i < v->nr_opts; i++)
        if (v->opts[i].value && v->opts[i].help)
            value_of(v, &v->opts[i]);
}

/* The first words of all verbs, or the second words of a group's. */
static void names(const char *group)
{
    const char *last = "";
    size_t skip = group ? strlen(group) + 1 : 0, last_len = 0;
    for (const struct verb *const *v = verbs; *v; v++) {
        const char *name = (*v)->name;
        if ((*v)->hidden || (group && (strncmp(name, group, skip - 1) != 0 || name[skip - 1] != ' ')))
            continue;
        size_t len = strcspn(name + skip, " ");
        if (len != last_len || strncmp(last, name + skip, len) != 0)
            printf("%.*s ", (int)len, name + skip);
        last = name + skip;
        last_len = len;
    }
}

static void groups(void)
{
    const char *last = "";
    size_t last_len = 0;
    for (const struct verb *const *v = verbs; *v; v++) {
        size_t len = strcspn((*v)->name, " ");
        if (!(*v)->name[len] || (*v)->hidden || (len == last_len && strncmp(last, (*v)->name, len) == 0))
            continue;
        last = (*v)->name;
        last_len = len;
        char group[32];
        snprintf(group, sizeof(group), "%.*s", (int)len, last);
        printf("\t%s)\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n\t\t\t_hospes_words '", group);
        names(group);
        fputs("--help'\n\t\t\treturn\n\t\tfi\n\t\tverb=\"$verb ${COMP_WORDS[2]}\" ;;\n", stdout);
    }
}

static const char script_head[] =
    "# bash completion for hospes; made by `hospes completion`\n"
    "_hospes_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
    "_hospes_names() { _hospes_words \"$(\"${COMP_WORDS[0]}\" \"$@\" -q 2>/dev/null)\"; }\n"
    "_hospes_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); }\n";

static const char script_main[] =
    "_hospes() {\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}\n"
    "\tCOMPREPLY=()\n"
    "\tif [ \"$cur\" = = ]; then cur=; fi\n"
    "\tif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
    "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "\t\t_hospes_words '";

static const char script_tail[] = "\tesac\n"
                                  "\t_hospes_value \"$verb $prev\" && return\n"
                                  "\tcase $cur in\n"
                                  "\t-*) _hospes_options \"$verb\" ;;\n"
                                  "\t*) _hospes_operand \"$verb\" ;;\n"
                                  "\tesac\n"
                                  "}\n"
                                  "complete -F _hospes hospes\n";

static int completion_run(const void *args, int argc, char **argv, struct err *e)
{
    (void)args, (void)argc, (void)argv, (void)e;
    fputs(script_head, stdout);
    cases("_hospes_value", values_of);
    cases("_hospes_options", options_of);
    cases("_hospes_operand", operand_of);
    fputs(script_main, stdout);
    names(NULL);
    fputs("--help --version'\n\t\treturn\n\tfi\n\tcase $verb in\n", stdout);
    groups();
    fputs(script_tail, stdout);
    return 0;
}

const struct verb verb_completion = {
    .name = "completion",
    .help = "print the completion script for bash",
    .hidden = true,
    .run = completion_run,
};

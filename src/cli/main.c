// SPDX-License-Identifier: GPL-2.0-or-later
/* main: finds the verb and runs it. Help and version are answered here. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/help.h"
#include "monitor/oci_machine.h"
#include "oci/oci.h"

static const struct machines machines = {.monitor = oci_machine_run};

static int unknown(const char *word)
{
    const char *near = verb_nearest(word);
    if (word[0] == '-')
        fprintf(stderr, "hospes: unknown option %s (see hospes --help)\n", word);
    else if (near)
        fprintf(stderr, "hospes: unknown verb %s, did you mean %s? (see hospes --help)\n", word, near);
    else
        fprintf(stderr, "hospes: unknown verb %s (see hospes --help)\n", word);
    return STATUS_FAILED;
}

static bool is(const char *word, const char *name, const char *letter)
{
    return strcmp(word, name) == 0 || strcmp(word, letter) == 0;
}

/* hospes image, hospes image --help, hospes image nonsense */
static int group(int argc, char **argv)
{
    bool asked = argc == 1 || is(argv[1], "--help", "-h");
    if (asked) {
        help_group(argc == 1 ? stderr : stdout, argv[0]);
        return argc == 1 ? STATUS_FAILED : 0;
    }
    char name[128];
    snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
    return unknown(name);
}

static int help(int argc, char **argv)
{
    int words;
    if (argc == 0) {
        help_overview(stdout);
        return 0;
    }
    const struct verb *v = verb_find(argc, argv, &words);
    if (v)
        help_verb(stdout, v);
    else if (verb_is_group(argv[0]))
        help_group(stdout, argv[0]);
    else
        return unknown(argv[0]);
    return 0;
}

/* Called as hospes-oci by container engines. */
static bool is_runtime(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strncmp(slash ? slash + 1 : program, "hospes-oci", 10) == 0;
}

/* hospes oci ...: the same words as behind hospes-oci. */
static int runtime(int argc, char **argv)
{
    argv[0] = (char[]){"hospes-oci"};
    return oci_main(argc, argv, &machines);
}

int main(int argc, char **argv)
{
    int words;
    json_seed();
    if (argc > 0 && is_runtime(argv[0]))
        return oci_main(argc, argv, &machines);
    if (argc > 1 && strcmp(argv[1], "oci") == 0)
        return runtime(argc - 1, argv + 1);
    if (argc < 2) {
        help_overview(stderr);
        return STATUS_FAILED;
    }
    signal(SIGPIPE, SIG_IGN); /* a monitor that went away is an error to tell, not a reason to die */
    argc--;
    argv++;
    if (is(argv[0], "help", "--help") || strcmp(argv[0], "-h") == 0)
        return help(argc - 1, argv + 1);
    if (is(argv[0], "--version", "-V") || strcmp(argv[0], "version") == 0) {
        puts("hospes " HOSPES_VERSION);
        return 0;
    }
    const struct verb *v = verb_find(argc, argv, &words);
    if (v)
        return verb_dispatch(v, argc - words, argv + words);
    if (verb_is_group(argv[0]))
        return group(argc, argv);
    return unknown(argv[0]);
}

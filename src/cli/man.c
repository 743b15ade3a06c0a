// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * man: prints the man pages, made from the verb tables. script/install writes them to files.
 *
 * Source: man(7) of groff: .TH, .SH, .TP, .PP, \- for a dash that is typed.
 */
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/verbs.h"

/* Text as roff takes it literally; a line of the text stays a line. */
static void escape(const char *text, size_t len)
{
    bool start = true;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (start && (c == '.' || c == '\''))
            fputs("\\&", stdout);
        start = c == '\n';
        if (c == '\\')
            fputs("\\e", stdout);
        else if (c == '-')
            fputs("\\-", stdout);
        else
            putchar(c);
    }
}

static void line(const char *text)
{
    escape(text, strlen(text));
    putchar('\n');
}

static void paragraphs(const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t len = end ? (size_t)(end - text) : strlen(text);
        fputs(".PP\n", stdout);
        escape(text, len);
        putchar('\n');
        text += len;
        text += strspn(text, "\n");
    }
}

static void term(const char *name, const char *text)
{
    fputs(".TP\n.B ", stdout);
    line(name);
    line(text);
}

static void options(const struct verb *v)
{
    fputs(".SH OPTIONS\n", stdout);
    for (unsigned i = 0; i < v->nr_opts; i++) {
        char spelled[128];
        if (!v->opts[i].help)
            continue;
        help_spell_option(&v->opts[i], spelled, sizeof(spelled));
        term(spelled + strspn(spelled, " "), v->opts[i].help);
    }
    term("-h, --help", "Show a short help text.");
}

static void examples(const char *text)
{
    fputs(".SH EXAMPLES\n", stdout);
    while (*text) {
        size_t len = strcspn(text, "\n"), command = strcspn(text, "\t\n");
        fputs(".TP\n.B ", stdout);
        escape(text, command);
        putchar('\n');
        if (command < len)
            escape(text + command + 1, len - command - 1);
        putchar('\n');
        text += len + (text[len] != 0);
    }
}

static void page_name(const struct verb *v, char *ret, size_t size)
{
    snprintf(ret, size, "hospes-%s", v->name);
    for (char *p = ret; *p; p++)
        if (*p == ' ')
            *p = '-';
}

static void head(const char *title, const char *what)
{
    printf(".TH \"%s\" 1 \"\" \"hospes %s\" \"hospes\"\n.SH NAME\n", title, HOSPES_VERSION);
    escape(title, strlen(title));
    fputs(" \\- ", stdout);
    line(what);
    fputs(".SH SYNOPSIS\n", stdout);
}

static void exit_status(bool runs_command)
{
    fputs(".SH EXIT STATUS\n", stdout);
    if (runs_command)
        paragraphs("The status of the command that ran in the guest, or 128 plus the number of the signal "
                   "that ended "
                   "it; 126 when it cannot be executed and 127 when it is not there.");
    else
        paragraphs("0 when it was done.");
    paragraphs("125 when hospes itself failed; one line on standard error says why.");
}

static void verb_page(const struct verb *v)
{
    char text[256];
    page_name(v, text, sizeof(text));
    head(text, v->help);
    help_synopsis(v, text, sizeof(text));
    fputs(".B ", stdout);
    line(text);
    fputs(".SH DESCRIPTION\n", stdout);
    paragraphs(v->about ? v->about : v->help);
    options(v);
    exit_status(v->leading);
    if (v->examples)
        examples(v->examples);
    fputs(".SH SEE ALSO\n.BR hospes (1)\n", stdout);
}

static void main_page(void)
{
    head("hospes", "machines with their own kernel, with and without hardware virtualization");
    fputs(".B hospes\nVERB [OPTION...] [OPERAND...]\n.SH DESCRIPTION\n", stdout);
    paragraphs(
        "hospes spawns operating systems as machines: virtual hardware and a kernel of their own, with the "
        "cpus, "
        "memory, disk and network you choose. It uses KVM where that works and its own x86-64 engine where "
        "it "
        "does not. There is no daemon: each guest has one process, its monitor, and lives as long as it.");
    fputs(".SH VERBS\n", stdout);
    for (const struct verb *const *v = verbs; *v; v++)
        if (!(*v)->hidden)
            term((*v)->name, (*v)->help);
    fputs(".SH FILES\n", stdout);
    term("/var/lib/hospes, ~/.local/share/hospes", "Images and guests, of root and of other users.");
    term("/run/hospes, $XDG_RUNTIME_DIR/hospes", "Running guests: their control sockets.");
    fputs(".SH ENVIRONMENT\n", stdout);
    term("HOSPES_ROOT", "Keep everything below this directory instead, in data and run.");
    exit_status(false);
    fputs(".SH SEE ALSO\n", stdout);
    for (const struct verb *const *v = verbs; *v; v++) {
        char name[64];
        if ((*v)->hidden)
            continue;
        page_name(*v, name, sizeof(name));
        printf(".BR %s (1)%s\n", name, v[1] && !v[1]->hidden ? "," : "");
    }
}

static void list(void)
{
    char name[64];
    puts("hospes");
    for (const struct verb *const *v = verbs; *v; v++) {
        if ((*v)->hidden)
            continue;
        page_name(*v, name, sizeof(name));
        puts(name);
    }
}

struct man_args {
    bool list;
};

/* By page name ("hospes-image-ls"), so that a script can go through the list. */
static int man_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct man_args *a = args;
    if (a->list) {
        list();
        return 0;
    }
    if (argc == 0 || strcmp(argv[0], "hospes") == 0) {
        main_page();
        return 0;
    }
    for (const struct verb *const *v = verbs; *v; v++) {
        char name[64];
        page_name(*v, name, sizeof(name));
        if (strcmp(name, argv[0]) == 0 && !(*v)->hidden) {
            verb_page(*v);
            return 0;
        }
    }
    return err_set(e, -ENOENT, "no page %s, --list lists them", argv[0]);
}

static const struct opt man_opts[] = {
    OPT(man_args, list, OPT_FLAG, 'l', NULL, "list the pages"),
};
const struct verb verb_man = {
    .name = "man",
    .operands = "[PAGE]",
    .help = "print a man page in its source form",
    VERB_OPTS(man_opts),
    .args_size = sizeof(struct man_args),
    .max_operands = 1,
    .hidden = true,
    .run = man_run,
};

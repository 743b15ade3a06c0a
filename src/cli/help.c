// SPDX-License-Identifier: GPL-2.0-or-later
/* help: see help.h. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

#define WIDTH   80
#define HANGING 28 /* where the texts of options stand */

/* text from column at on, wrapped, further lines indented; newlines in it are kept. Ends the line. */
static void wrap(FILE *f, const char *text, unsigned at, unsigned indent)
{
    unsigned col = at;
    while (*text) {
        size_t len = strcspn(text, " \n");
        bool first = col <= indent;
        if (!first && col + 1 + len > WIDTH) {
            fprintf(f, "\n%*s", (int)indent, "");
            col = indent;
            first = true;
        }
        fprintf(f, "%s%.*s", first ? "" : " ", (int)len, text);
        col += (unsigned)len + !first;
        text += len;
        if (*text == '\n') {
            fprintf(f, "\n%*s", text[1] == '\n' || !text[1] ? 0 : (int)indent, "");
            col = indent;
        }
        text += *text != 0;
    }
    fputc('\n', f);
}

/* A term at column 2 and its text at a column of its own. */
static void entry(FILE *f, const char *term, const char *text, unsigned column)
{
    unsigned at = (unsigned)fprintf(f, "  %s", term);
    if (at + 2 > column) {
        fputc('\n', f);
        at = 0;
    }
    fprintf(f, "%*s", (int)(column - at), "");
    wrap(f, text, column, column);
}

void help_spell_option(const struct opt *o, char *ret, size_t size)
{
    char name[64];
    opt_spell(o, name, sizeof(name));
    char letter[] = {'-', o->letter, ',', ' ', 0};
    snprintf(ret, size, "%s--%s%s%s", o->letter ? letter : "    ", name, o->value ? "=" : "",
             o->value ? o->value : "");
}

void help_synopsis(const struct verb *v, char *ret, size_t size)
{
    snprintf(ret, size, "hospes %s%s%s%s", v->name, v->nr_opts ? " [OPTION...]" : "", v->operands ? " " : "",
             v->operands ? v->operands : "");
}

static void examples(FILE *f, const char *lines)
{
    fputs("\nExamples:\n", f);
    while (*lines) {
        size_t len = strcspn(lines, "\n"), command = strcspn(lines, "\t\n");
        fprintf(f, "  %.*s\n", (int)command, lines);
        if (command < len)
            fprintf(f, "      %.*s\n", (int)(len - command - 1), lines + command + 1);
        lines += len + (lines[len] != 0);
    }
}

void help_verb(FILE *f, const struct verb *v)
{
    char line[256];
    help_synopsis(v, line, sizeof(line));
    fprintf(f, "Usage: %s\n\n", line);
    fprintf(f, "%c%s.\n", toupper((unsigned char)v->help[0]), v->help + 1);
    if (v->about) {
        fputc('\n', f);
        wrap(f, v->about, 0, 0);
    }
    fputs("\nOptions:\n", f);
    for (unsigned i = 0; i < v->nr_opts; i++) {
        if (!v->opts[i].help)
            continue;
        help_spell_option(&v->opts[i], line, sizeof(line));
        entry(f, line, v->opts[i].help, HANGING);
    }
    entry(f, "-h, --help", "show this text", HANGING);
    if (v->examples)
        examples(f, v->examples);
}

static bool belongs(const struct verb *v, const char *group)
{
    size_t len = strlen(group);
    return strncmp(v->name, group, len) == 0 && v->name[len] == ' ';
}

void help_group(FILE *f, const char *name)
{
    fprintf(f, "Usage: hospes %s VERB [OPTION...] [OPERAND...]\n\n", name);
    for (const struct verb *const *v = verbs; *v; v++)
        if (belongs(*v, name) && !(*v)->hidden)
            entry(f, (*v)->name, (*v)->help, 18);
    fprintf(f, "\n`hospes %s VERB --help` tells more.\n", name);
}

void help_overview(FILE *f)
{
    fputs("Usage: hospes VERB [OPTION...] [OPERAND...]\n\n"
          "Machines with their own kernel, with and without hardware virtualization.\n\n",
          f);
    for (const struct verb *const *v = verbs; *v; v++)
        if (!(*v)->hidden)
            entry(f, (*v)->name, (*v)->help, 18);
    fputs("\n`hospes VERB --help` tells more. `hospes --version` tells the version.\n", f);
}

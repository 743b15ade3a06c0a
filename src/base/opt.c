// SPDX-License-Identifier: GPL-2.0-or-later
/* opt: see opt.h. What a value may look like is in opt_value.c. */
#include "base/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    const struct opt_table *table;
    void *args;
    char **next, **end; /* words not looked at yet */
    char **operands;    /* where the next operand goes: never behind `next` */
    struct err *e;
};

void opt_spell(const struct opt *o, char *ret, size_t size)
{
    snprintf(ret, size, "%s", o->name);
    for (char *p = ret; *p; p++)
        if (*p == '_')
            *p = '-';
}

static bool is_named(const struct opt *o, const char *typed, size_t len)
{
    char name[64];
    opt_spell(o, name, sizeof(name));
    return strlen(name) == len && memcmp(name, typed, len) == 0;
}

static const struct opt *by_name(const struct opt_table *t, const char *typed, size_t len)
{
    for (unsigned i = 0; i < t->nr; i++)
        if (is_named(&t->opts[i], typed, len))
            return &t->opts[i];
    return NULL;
}

static const struct opt *by_letter(const struct opt_table *t, char letter)
{
    for (unsigned i = 0; i < t->nr; i++)
        if (t->opts[i].letter == letter)
            return &t->opts[i];
    return NULL;
}

static int unknown(const struct parse *p, const char *typed, size_t len)
{
    char word[64], names[64][64];
    const char *list[64];
    unsigned nr = 0;
    snprintf(word, sizeof(word), "%.*s", (int)len, typed);
    for (unsigned i = 0; i < p->table->nr && nr < 64; i++) {
        if (!p->table->opts[i].help)
            continue;
        opt_spell(&p->table->opts[i], names[nr], sizeof(names[nr]));
        list[nr] = names[nr];
        nr++;
    }
    const char *near = opt_nearest(word, list, nr);
    if (near)
        return err_set(p->e, -EINVAL, "unknown option --%s, did you mean --%s?", word, near);
    return err_set(p->e, -EINVAL, "unknown option --%s", word);
}

static int append(struct opt_list *l, const char *text, struct err *e)
{
    const char **more = realloc(l->item, (l->nr + 1) * sizeof(*more));
    if (!more)
        return err_code(e, -ENOMEM, "options");
    more[l->nr] = text;
    l->item = more;
    l->nr++;
    return 0;
}

static int choose(const struct opt *o, const char *text, const char **ret, struct err *e)
{
    size_t len = strlen(text);
    for (const char *c = o->value; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL) {
        if (len && len == strcspn(c, "|") && memcmp(c, text, len) == 0) {
            *ret = text;
            return 0;
        }
    }
    return err_set(e, -EINVAL, "not one of %s: %s", o->value, text);
}

/* A row and its field must agree, or a value would be written over its neighbour. */
static void check_row(const struct opt *o)
{
    static const unsigned bytes[] = {
        [OPT_FLAG] = sizeof(bool),
        [OPT_TEXT] = sizeof(char *),
        [OPT_CHOICE] = sizeof(char *),
        [OPT_NUMBER] = sizeof(unsigned),
        [OPT_SIZE] = sizeof(uint64_t),
        [OPT_SECONDS] = sizeof(struct opt_time),
        [OPT_REPEATED] = sizeof(struct opt_list),
    };
    BUG_ON(o->bytes != bytes[o->kind] || (o->kind == OPT_FLAG) != !o->value);
}

static int assign(const struct parse *p, const struct opt *o, const char *text)
{
    check_row(o);
    void *field = (char *)p->args + o->offset;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case OPT_TEXT:
        *(const char **)field = text;
        return 0;
    case OPT_CHOICE:
        return choose(o, text, field, p->e);
    case OPT_NUMBER:
        return opt_number(text, field, p->e);
    case OPT_SIZE:
        return opt_size(text, field, p->e);
    case OPT_SECONDS:
        return opt_time(text, field, p->e);
    case OPT_REPEATED:
        return append(field, text, p->e);
    }
    return err_set(p->e, -EINVAL, "unknown kind of option");
}

/*
 * joined: the value that came in the same word, or NULL. spelled: the option as typed. Podman looks for just
 * these words, to know whether a runtime has an option.
 */
static int take_value(struct parse *p, const struct opt *o, const char *joined, const char *spelled)
{
    if (!joined && p->next == p->end)
        return err_set(p->e, -EINVAL, "%s: flag needs an argument: %s", spelled, o->value);
    int rc = assign(p, o, joined ? joined : *p->next++);
    return rc < 0 ? err_wrap(p->e, "%s", spelled) : 0;
}

static int long_option(struct parse *p, const char *word)
{
    size_t len = strcspn(word, "=");
    const char *joined = word[len] ? word + len + 1 : NULL;
    if (len == 4 && memcmp(word, "help", 4) == 0 && !joined)
        return OPT_HELP;
    const struct opt *o = by_name(p->table, word, len);
    if (!o)
        return unknown(p, word, len);
    char spelled[68];
    snprintf(spelled, sizeof(spelled), "--%.*s", (int)len, word);
    if (o->kind != OPT_FLAG)
        return take_value(p, o, joined, spelled);
    if (joined)
        return err_set(p->e, -EINVAL, "%s takes no value", spelled);
    return assign(p, o, NULL);
}

/* -i, -it, -t5, -t 5: the first letter that takes a value ends the word. */
static int letters(struct parse *p, const char *word)
{
    for (; *word; word++) {
        const struct opt *o = by_letter(p->table, *word);
        char spelled[] = {'-', *word, 0};
        if (!o && *word == 'h')
            return OPT_HELP;
        if (!o)
            return err_set(p->e, -EINVAL, "unknown option %s", spelled);
        if (o->kind != OPT_FLAG)
            return take_value(p, o, word[1] ? word + 1 : NULL, spelled);
        int rc = assign(p, o, NULL);
        if (rc < 0)
            return rc;
    }
    return OPT_OPERANDS;
}

static void rest_are_operands(struct parse *p)
{
    while (p->next < p->end)
        *p->operands++ = *p->next++;
}

static int word(struct parse *p)
{
    char *w = *p->next++;
    if (strcmp(w, "--") == 0) {
        rest_are_operands(p);
        return OPT_OPERANDS;
    }
    if (w[0] == '-' && w[1] == '-')
        return long_option(p, w + 2);
    if (w[0] == '-' && w[1])
        return letters(p, w + 1);
    *p->operands++ = w;
    if (p->table->leading)
        rest_are_operands(p);
    return OPT_OPERANDS;
}

int opt_parse(const struct opt_table *t, int argc, char **argv, void *args, int *ret_nr, struct err *e)
{
    struct parse p = {.table = t, .args = args, .next = argv, .end = argv + argc, .operands = argv, .e = e};
    while (p.next < p.end) {
        int rc = word(&p);
        if (rc != OPT_OPERANDS)
            return rc;
    }
    *ret_nr = (int)(p.operands - argv);
    return OPT_OPERANDS;
}

void opt_fini(const struct opt_table *t, void *args)
{
    for (unsigned i = 0; i < t->nr; i++) {
        if (t->opts[i].kind != OPT_REPEATED)
            continue;
        struct opt_list *l = (void *)((char *)args + t->opts[i].offset);
        free(l->item);
        *l = (struct opt_list){0};
    }
}

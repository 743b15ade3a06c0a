// SPDX-License-Identifier: GPL-2.0-or-later
/* environment: see environment.h. */
#include "cli/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "cli/words.h"

#define FILE_MAX (1u << 20)

struct items { /* as typed, in order */
    struct opt_list list;
    unsigned room;
};

void environment_fini(struct environment *v)
{
    for (unsigned i = 0; i < v->nr_texts; i++)
        free(v->text[i]);
    free(v->text);
    free(v->item);
    *v = (struct environment){0};
}

static int append(struct items *t, const char *item)
{
    if (t->list.nr == t->room) {
        unsigned room = t->room ? 2 * t->room : 16;
        const char **more = realloc(t->list.item, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        t->list.item = more;
        t->room = room;
    }
    t->list.item[t->list.nr++] = item;
    return 0;
}

static int append_lines(struct items *t, char *text)
{
    int rc = 0;
    for (char *rest = text, *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        line += strspn(line, " \t");
        line[strcspn(line, "\r")] = 0;
        if (*line && *line != '#')
            rc = append(t, line);
    }
    return rc;
}

static int append_file(struct items *t, const char *path, struct environment *v, struct err *e)
{
    int rc = file_read(path, FILE_MAX, &v->text[v->nr_texts], NULL, e);
    if (rc < 0)
        return err_wrap(e, "--env-file");
    rc = append_lines(t, v->text[v->nr_texts++]);
    return rc < 0 ? err_code(e, rc, "--env-file") : 0;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && memcmp(a, b, n) == 0;
}

/* Programs take the first or the last of two with one name. */
static void keep_last(const char **item)
{
    unsigned kept = 0;
    for (unsigned i = 0; item[i]; i++) {
        unsigned k = 0;
        while (k < kept && !same_name(item[k], item[i]))
            k++;
        item[k] = item[i];
        kept += k == kept;
    }
    item[kept] = NULL;
}

static int gather(const struct opt_list *files, const struct opt_list *env, bool terminal, struct items *t,
                  struct environment *v, struct err *e)
{
    int rc = terminal ? append(t, "TERM") : 0;
    v->text = calloc(files->nr + 1, sizeof(*v->text));
    if (!v->text)
        return err_code(e, -ENOMEM, "environment");
    for (unsigned i = 0; rc == 0 && i < files->nr; i++)
        if ((rc = append_file(t, files->item[i], v, e)) < 0)
            return rc;
    for (unsigned i = 0; rc == 0 && i < env->nr; i++)
        rc = append(t, env->item[i]);
    return rc < 0 ? err_code(e, rc, "environment") : word_env(&t->list, &v->item, e);
}

int environment_make(const struct opt_list *files, const struct opt_list *env, bool terminal,
                     struct environment *ret, struct err *e)
{
    struct items t = {0};
    OWN_ENVIRONMENT v = {0};
    int rc = gather(files, env, terminal, &t, &v, e);
    free(t.list.item);
    if (rc < 0)
        return rc;
    keep_last(v.item);
    *ret = v;
    v = (struct environment){0};
    return 0;
}

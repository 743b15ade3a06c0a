// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_image: see guest_image.h. */
#include "monitor/guest_image.h"

#include <string.h>

#include "monitor/guest_option.h"

void guest_image_fini(struct guest_image *g)
{
    image_free(g->image);
    free(g->argv);
    free(g->env);
    *g = (struct guest_image){0};
}

static size_t length(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* One list and then the other, NULL-ended; NULL: out of memory. */
static const char **join(const char *const *a, const char *const *b)
{
    size_t n = length(a), m = length(b);
    const char **list = calloc(n + m + 1, sizeof(*list));
    for (size_t i = 0; list && i < n + m; i++)
        list[i] = i < n ? a[i] : b[i - n];
    return list;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static bool sets(const char *const *env, const char *variable)
{
    for (; env && *env; env++)
        if (same_name(*env, variable))
            return true;
    return false;
}

static const char **environment(const char *const *image, const char *const *own)
{
    const char **list = join(image, own);
    size_t n = length(image), m = length(own), to = 0;
    for (size_t i = 0; list && i < n; i++)
        if (!sets(own, image[i]))
            list[to++] = image[i];
    for (size_t i = 0; list && i <= m; i++)
        list[to++] = i < m ? own[i] : NULL;
    return list;
}

int guest_image_merge(struct guest_config *c, const struct image_config *i, struct guest_image *g,
                      struct err *e)
{
    const char *said = c->container.entrypoint, *own[] = {said && *said ? said : NULL, NULL};
    const char *const *command = c->argv || said ? c->argv : i->command;
    g->argv = join(said ? own : i->entrypoint, command);
    g->env = environment(i->environment, c->env);
    if (!g->argv || !g->env)
        return err_code(e, -ENOMEM, "command");
    c->argv = *g->argv ? g->argv : NULL;
    c->env = *g->env ? g->env : NULL;
    c->cwd = c->cwd ? c->cwd : i->directory;
    c->user = c->user ? c->user : i->user;
    c->container.entrypoint = NULL;
    if (c->kind == GUEST_CONTAINER && !c->container.stop_signal && i->stop_signal &&
        guest_signal_check(i->stop_signal, NULL) == 0)
        c->container.stop_signal = i->stop_signal;
    return 0;
}

int guest_image_take(struct guest_config *c, struct guest_image *g, struct err *e)
{
    if (!c->image)
        return 0;
    int rc = image_open(c->image, &g->image, e);
    return rc < 0 ? rc : guest_image_merge(c, &g->image->config, g, e);
}

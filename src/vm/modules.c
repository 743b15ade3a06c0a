// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules: see modules.h.
 *
 * Source: depmod(8), modules.dep(5): "path: path path...", what is listed first loads last; kmod takes - and
 * _ in a module's name as the same.
 */
#include "vm/modules.h"

#include <string.h>

#include "base/file.h"
#include "vm/unpack.h"

#define LIST_MAX   (16u << 20)
#define MODULE_MAX (64u << 20)

struct modules {
    char *folder;
    char *dep, *builtin; /* the two files; builtin may be NULL */
    char **path;
    size_t nr;
};

static int read_lists(struct modules *m, struct err *e)
{
    OWN_MEM char *dep = path_make("%s/modules.dep", m->folder);
    OWN_MEM char *builtin = path_make("%s/modules.builtin", m->folder);
    if (!dep || !builtin)
        return err_code(e, -ENOMEM, "kernel modules");
    int rc = file_read(dep, LIST_MAX, &m->dep, NULL, e);
    if (rc < 0)
        return err_wrap(e, "kernel modules");
    struct err ignored; /* kernels older than depmod's file have none */
    file_read(builtin, LIST_MAX, &m->builtin, NULL, &ignored);
    return 0;
}

int modules_open(const char *folder, struct modules **ret, struct err *e)
{
    OWN(modules) m = calloc(1, sizeof(*m));
    if (!m || !(m->folder = strdup(folder)))
        return err_code(e, -ENOMEM, "kernel modules");
    int rc = read_lists(m, e);
    if (rc < 0)
        return rc;
    *ret = take(m);
    return 0;
}

void modules_close(struct modules *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->nr; i++)
        free(m->path[i]);
    free(m->path);
    free(m->folder);
    free(m->dep);
    free(m->builtin);
    free(m);
}

/* ---- looking up ---- */

/* Is path[0..len) the file of the module called name? */
static bool is_file_of(const char *path, size_t len, const char *name)
{
    const char *slash = memrchr(path, '/', len);
    const char *at = slash ? slash + 1 : path, *end = path + len;
    for (; *name; name++, at++) {
        if (at == end)
            return false;
        char a = *at == '-' ? '_' : *at, b = *name == '-' ? '_' : *name;
        if (a != b)
            return false;
    }
    return end - at >= 3 && !strncmp(at, ".ko", 3) && (end - at == 3 || at[3] == '.');
}

/* The line whose first word, up to `stop`, is the module's file; NULL: none. */
static const char *find_line(const char *list, const char *stop, const char *name)
{
    for (const char *line = list; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (is_file_of(line, strcspn(line, stop), name))
            return line;
    }
    return NULL;
}

static void add(struct modules *m, const char *path, size_t len)
{
    for (size_t i = 0; i < m->nr; i++)
        if (strlen(m->path[i]) == len && !memcmp(m->path[i], path, len))
            return;
    char **list = reallocarray(m->path, m->nr + 1, sizeof(*list));
    BUG_ON(!list);
    m->path = list;
    m->path[m->nr] = strndup(path, len);
    BUG_ON(!m->path[m->nr]);
    m->nr++;
}

bool modules_need(struct modules *m, const char *name)
{
    const char *line = find_line(m->dep, ":\n", name);
    if (!line)
        return find_line(m->builtin, "\n", name) != NULL;
    size_t own = strcspn(line, ":\n");
    const char *deps = line + own + (line[own] == ':'), *end = deps + strcspn(deps, "\n");
    while (end > deps) { /* from the back */
        const char *space = memrchr(deps, ' ', (size_t)(end - deps));
        const char *word = space ? space + 1 : deps;
        if (end > word)
            add(m, word, (size_t)(end - word));
        end = space ? space : deps;
    }
    add(m, line, own);
    return true;
}

/* ---- the list ---- */

size_t modules_count(const struct modules *m)
{
    return m->nr;
}

const char *modules_path(const struct modules *m, size_t i)
{
    return m->path[i];
}

char *modules_file(const struct modules *m, size_t i)
{
    const char *slash = strrchr(m->path[i], '/');
    const char *name = slash ? slash + 1 : m->path[i];
    const char *ko = strstr(name, ".ko");
    return strndup(name, ko ? (size_t)(ko - name) + 3 : strlen(name));
}

int modules_read(const struct modules *m, size_t i, void **ret, size_t *ret_len, struct err *e)
{
    OWN_MEM char *path = path_make("%s/%s", m->folder, m->path[i]);
    OWN_MEM char *file = NULL;
    size_t len;
    if (!path)
        return err_code(e, -ENOMEM, "kernel modules");
    int rc = file_read(path, MODULE_MAX, &file, &len, e);
    if (rc < 0)
        return err_wrap(e, "kernel modules");
    if (len >= 4 && !memcmp(file, "\177ELF", 4)) {
        *ret = take(file);
        *ret_len = len;
        return 0;
    }
    uint8_t *out;
    rc = unpack_whole((const uint8_t *)file, len, MODULE_MAX, &out, ret_len, e);
    if (rc < 0)
        return err_wrap(e, "kernel module %s", path);
    *ret = out;
    return 0;
}

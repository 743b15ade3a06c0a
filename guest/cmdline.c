// SPDX-License-Identifier: GPL-2.0-or-later
/* cmdline: see cmdline.h. */
#include "guest/cmdline.h"

#include <string.h>

#include "base/own.h"

static void take_word(struct cmdline *c, const char *word)
{
    const char *value = strchr(word, '=');
    size_t name = value ? (size_t)(value++ - word) : 0;
    if (name == 11 && !strncmp(word, "hospes.root", name))
        snprintf(c->root, sizeof(c->root), "%s", value);
    if (name == 12 && !strncmp(word, "hospes.share", name))
        snprintf(c->share, sizeof(c->share), "%s", value);
    if (name == 11 && !strncmp(word, "hospes.name", name))
        snprintf(c->name, sizeof(c->name), "%s", value);
    if (name == 11 && !strncmp(word, "hospes.init", name))
        c->image_init = !strcmp(value, "image");
    if (name == 10 && !strncmp(word, "hospes.net", name))
        c->net = strcmp(value, "none") != 0;
}

int cmdline_read(const char *path, struct cmdline *ret, struct err *e)
{
    OWN_FILE f = fopen(path, "re");
    char line[4096];
    if (!f || !fgets(line, sizeof(line), f))
        return err_sys(e, "read %s", path);
    struct cmdline c = {.net = true};
    for (char *rest = line, *word; (word = strsep(&rest, " \n")) != NULL;)
        take_word(&c, word);
    *ret = c;
    return 0;
}

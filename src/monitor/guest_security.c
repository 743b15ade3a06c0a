// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_security: see guest_security.h. */
#include "monitor/guest_security.h"

#include <string.h>

static bool is(const char *option, const char *a, const char *b)
{
    return strcmp(option, a) == 0 || strcmp(option, b) == 0;
}

static const char *value(const char *option, const char *key)
{
    size_t n = strlen(key);
    return strncmp(option, key, n) == 0 ? option + n : NULL;
}

static int security_option(const char *o, struct guest_security *s, struct err *e)
{
    const char *v;
    if (is(o, "new-privileges", "no-new-privileges=false") || strcmp(o, "no-new-privileges:false") == 0)
        s->new_privileges = true;
    else if (is(o, "no-new-privileges", "no-new-privileges=true"))
        s->new_privileges = false;
    else if (is(o, "unmask=ALL", "systempaths=unconfined"))
        s->unmasked = true;
    else if (is(o, "seccomp=unconfined", "seccomp:unconfined"))
        s->seccomp_off = true;
    else if (strcmp(o, "landlock=off") == 0)
        s->landlock_off = true;
    else if ((v = value(o, "seccomp=")) && *v == '/')
        s->seccomp = v;
    else if ((v = value(o, "apparmor=")) && *v)
        s->apparmor = v;
    else if ((v = value(o, "label=")) && *v)
        s->label = v;
    else
        return err_set(e, -EINVAL,
                       "\"%.80s\" is no security option: new-privileges, seccomp=unconfined, seccomp=/FILE, "
                       "landlock=off, unmask=ALL, apparmor=PROFILE, label=CONTEXT",
                       o);
    return 0;
}

int guest_security_parse(const char *const *options, struct guest_security *ret, struct err *e)
{
    struct guest_security s = {0};
    for (; options && *options; options++) {
        int rc = security_option(*options, &s, e);
        if (rc < 0)
            return rc;
    }
    *ret = s;
    return 0;
}

int guest_security_of(const struct guest_container *c, struct guest_security *ret, struct err *e)
{
    struct guest_security s;
    int rc = guest_security_parse(c->security, &s, e);
    if (rc < 0)
        return rc;
    if (c->privileged)
        s.new_privileges = s.unmasked = s.seccomp_off = s.landlock_off = true;
    *ret = s;
    return 0;
}

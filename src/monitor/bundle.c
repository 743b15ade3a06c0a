// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle: see bundle.h. Source: OCI runtime-spec 1.2, config.md and config-linux.md. */
#include "monitor/bundle.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "monitor/bundle_caps.h"
#include "monitor/bundle_devices.h"
#include "monitor/bundle_linux.h"
#include "monitor/bundle_mounts.h"
#include "monitor/bundle_process.h"
#include "monitor/bundle_seccomp.h"

#define PROFILE_MAX (1u << 20)

static int profile(const struct bundle *b, const struct guest_security *s, char **ret, struct err *e)
{
    if (s->seccomp_off)
        return 0;
    if (!s->seccomp) {
        *ret = bundle_seccomp(bundle_caps(&b->guest->container));
        return *ret ? 0 : err_code(e, -ENOMEM, "seccomp");
    }
    OWN(json_t) checked = NULL;
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = file_read(s->seccomp, PROFILE_MAX, &text, &len, e);
    if (rc == 0)
        rc = json_parse(text, len, s->seccomp, &checked, e);
    if (rc < 0)
        return err_wrap(e, "seccomp profile");
    *ret = take(text);
    return 0;
}

/* The profile is put in as text: it is long, and the runtime looks it up as text too. */
static char *join(const json_t *top, const json_t *linux_, const char *seccomp)
{
    OWN_MEM char *a = json_dumps(top, JSON_COMPACT), *b = json_dumps(linux_, JSON_COMPACT);
    if (!a || !b)
        return NULL;
    return seccomp ? path_make("{\"linux\":{\"seccomp\":%s,%s,%s", seccomp, b + 1, a + 1)
                   : path_make("{\"linux\":%s,%s", b, a + 1);
}

static json_t *top_part(const struct bundle *b, const struct guest_security *s, json_t *mounts)
{
    const struct guest_container *k = &b->guest->container;
    json_t *top =
        json_pack("{s:s, s:o, s:{s:s, s:b}, s:O}", "ociVersion", "1.2.0", "process", bundle_process(b, s),
                  "root", "path", b->root, "readonly", k->read_only, "mounts", mounts);
    if (top && !k->host_uts)
        json_object_set_new(top, "hostname", json_string(bundle_hostname(b->guest)));
    if (top && k->annotations)
        json_object_set_new(top, "annotations", bundle_annotations(b));
    return top;
}

static int make(struct bundle *b, char **ret, struct err *e)
{
    struct guest_security s;
    OWN(json_t) mounts = NULL;
    OWN_MEM char *seccomp = NULL;
    int rc;
    if ((rc = guest_security_of(&b->guest->container, &s, e)) < 0 || (rc = profile(b, &s, &seccomp, e)) < 0 ||
        (rc = bundle_devices_find(&b->guest->container, &b->devices, &b->nr_devices, e)) < 0 ||
        (rc = bundle_mounts(b, &mounts, e)) < 0)
        return rc;
    OWN(json_t) top = top_part(b, &s, mounts);
    OWN(json_t) linux_ = bundle_linux(b, &s);
    *ret = top && linux_ ? join(top, linux_, seccomp) : NULL;
    return *ret ? 0 : err_code(e, -ENOMEM, "configuration of the container");
}

int bundle_config(const struct bundle *b, char **ret, struct err *e)
{
    struct bundle mine = *b;
    int rc = make(&mine, ret, e);
    bundle_devices_free(mine.devices, mine.nr_devices);
    return rc;
}

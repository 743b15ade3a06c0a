// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_config: what an image says of the command that it is for. In image.json it stands under "config", in
 * our words; in an OCI image's configuration in its. Source: OCI image-spec 1.1, config.md, "config".
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

/* Lists are NULL-ended, NULL: empty; strings and what lists hold are borrowed from the JSON. */
struct image_config {
    const char **entrypoint, **command;         /* what runs is the one followed by the other */
    const char **environment;                   /* NAME=VALUE */
    const char **ports, **volumes;              /* "80/tcp", "/var/lib/data" */
    const char *directory, *user, *stop_signal; /* or NULL */
};
void image_config_fini(struct image_config *c);

/* From image.json's "config", or NULL: nothing is said. -EINVAL: something of it has the wrong type. */
int image_config_parse(const json_t *j, struct image_config *ret, struct err *e);

/* From a whole OCI configuration to what image.json keeps (new reference). -EINVAL. */
int image_config_from_oci(const json_t *oci, json_t **ret, struct err *e);
